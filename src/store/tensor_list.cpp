#include "tensor_list.h"

#include <map>

#include <ATen/ops/empty.h>

namespace concertina::h5 {
namespace {

constexpr std::size_t kMaxRank = 4;

hsize_t size(int count) { return static_cast<hsize_t>(count); }

// Convolution and linear weights as LibTorch's own layers have them, segmented activations as nn
// does; all else is one number a channel.
Dims expected_dims(const Layer& layer, const ResolvedLayer& shape, const std::string& parameter) {
  const hsize_t out = size(shape.out_channels), in = size(shape.in_channels);
  const hsize_t kernel = size(layer.kernel);
  if (is_segmented(layer)) return {parameter.find("running_") == 0 ? 1 : size(layer.segments)};
  if (parameter != "weight") return {out};
  if (layer.kind == LayerKind::conv) return {out, in, kernel, kernel};
  if (layer.kind == LayerKind::depthwise) return {out, 1, kernel, kernel};
  if (layer.kind == LayerKind::linear) return {out, in};
  return {out};
}

using Expected = std::map<std::string, Dims>;

Expected expected_tensors(const NetSpec& net, const ResolvedNet& resolved) {
  Expected expected;
  for (const ResolvedLayer& shape : resolved.layers) {
    const Layer& layer = net.layers[static_cast<std::size_t>(shape.layer)];
    for (const char* parameter : {"weight", "bias", "running_mean", "running_var"}) {
      expected[layer.name + "/" + parameter] = expected_dims(layer, shape, parameter);
    }
  }
  return expected;
}

std::string text(const Dims& dims) {
  std::string list;
  for (const hsize_t dim : dims) list += (list.empty() ? "" : ", ") + std::to_string(dim);
  return "[" + list + "]";
}

void check_shape(const StoredGroup::Entry& entry, const Dims& found, const Expected& expected) {
  const auto known = expected.find(entry.name);
  if (known == expected.end()) entry.data.refuse("the net has no such tensor");
  if (found != known->second) {
    entry.data.refuse("shape " + text(found) + " found, " + text(known->second) + " expected");
  }
}

Tensors read_checked(const StoredGroup& group, const Expected* expected) {
  Tensors tensors;
  for (const StoredGroup::Entry& entry : group.entries()) {
    const Dims dims = entry.data.dims(H5T_IEEE_F32LE, kMaxRank);
    if (expected != nullptr) check_shape(entry, dims, *expected);
    const std::vector<std::int64_t> sizes(dims.begin(), dims.end());
    at::Tensor value = at::empty(sizes, at::kFloat);
    if (value.numel() > 0) entry.data.read(H5T_IEEE_F32LE, value.data_ptr<float>());
    tensors.push_back({entry.name, std::move(value), entry.data.text("axes")});
  }
  return tensors;
}

}  // namespace

void write_tensors(const Group& group, const Tensors& tensors) {
  std::int64_t index = 0;
  for (const NamedTensor& tensor : tensors) {
    const at::Tensor value = tensor.value.detach().to(at::kCPU, at::kFloat).contiguous();
    const Dims dims(value.sizes().begin(), value.sizes().end());
    const Object data = group.dataset(tensor.name, H5T_IEEE_F32LE, dims, value.data_ptr<float>());
    data.set_text("axes", tensor.axes);
    data.set_integer("index", index++);
  }
}

Tensors read_tensors(const StoredGroup& group) { return read_checked(group, nullptr); }

Tensors read_tensors(const StoredGroup& group, const NetSpec& net, const ResolvedNet& resolved) {
  const Expected expected = expected_tensors(net, resolved);
  return read_checked(group, &expected);
}

}  // namespace concertina::h5
