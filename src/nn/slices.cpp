#include "slices.h"

#include <ATen/ops/cat.h>

#include "quantize.h"

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
  at::Tensor slice = take(full, 0, layer.out);
  if (spec.kind != LayerKind::depthwise) slice = take(slice, 1, layer.in);
  return layer.bits < spec.bits ? rounded_weight(slice, layer.bits) : slice;
}

}  // namespace concertina
