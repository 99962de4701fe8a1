#include "slices.h"

#include <ATen/ops/cat.h>

namespace concertina {

at::Tensor take(const at::Tensor& full, std::int64_t dim, const std::vector<Range>& ranges) {
  if (ranges.size() == 1) {
    if (ranges[0].begin == 0 && ranges[0].end == full.size(dim)) return full;
    return full.narrow(dim, ranges[0].begin, ranges[0].size());
  }
  std::vector<at::Tensor> parts;
  for (const Range range : ranges) parts.push_back(full.narrow(dim, range.begin, range.size()));
  return at::cat(parts, dim);
}

at::Tensor slice_weight(const Layer& spec, const ResolvedLayer& layer, const at::Tensor& full) {
  if (spec.kind == LayerKind::depthwise) return take(full, 0, layer.out);
  return take(take(full, 0, layer.out), 1, layer.in);
}

}  // namespace concertina
