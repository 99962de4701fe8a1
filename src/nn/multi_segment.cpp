#include "multi_segment.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include "concertina/spec/net_spec.h"

namespace concertina {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Each element's segment, int32. What is not finite gets one too: the run is to end because it
// diverged, not because of an index.
at::Tensor segments_of(const at::Tensor& input, std::int64_t count, const at::Tensor& mean,
                       const at::Tensor& variance) {
  const at::Tensor deviation = at::clamp_min(at::sqrt(variance), kLeastDeviation);
  const at::Tensor first = at::sub(mean, deviation, 3);
  const at::Tensor length = at::div(at::mul(deviation, 6), count);
  at::Tensor place = at::sub(input, first).div_(length);
  return place.nan_to_num_(0).clamp_(0, count - 1).to(at::kInt);
}

// The map with its elements in the order in which `like` has them in memory, so that none is moved.
at::Tensor in_order_of(const at::Tensor& like, const at::Tensor& map) {
  return like.is_contiguous(at::MemoryFormat::ChannelsLast) ? map.permute({0, 2, 3, 1}) : map;
}

// table[segments], in the layout of `segments`.
at::Tensor look_up(const at::Tensor& table, const at::Tensor& segments) {
  const at::Tensor ordered = in_order_of(segments, segments);
  const at::Tensor values = at::index_select(table, 0, ordered.reshape({-1})).view(ordered.sizes());
  return ordered.is_same(segments) ? values : values.permute({0, 3, 1, 2});
}

// The sum of `values` in each segment, in double: float32 would lose what millions of them say.
// Not by autograd's index_put, which on the CPU adds in the order in which threads come by.
at::Tensor sums(const at::Tensor& values, const at::Tensor& segments, std::int64_t count) {
  return at::bincount(in_order_of(segments, segments).reshape({-1}),
                      in_order_of(segments, values).to(at::kDouble).reshape({-1}), count);
}

struct Node : torch::autograd::Function<Node> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& slopes, const at::Tensor& offsets,
                            const at::Tensor& mean, const at::Tensor& variance) {
    const std::int64_t count = slopes.size(0);
    const at::Tensor segments = segments_of(input, count, mean, variance);
    at::Tensor all_slopes = slopes.clone();
    all_slopes.narrow(0, count / 2, count - count / 2).add_(1);
    context->save_for_backward({input, segments, all_slopes});
    return look_up(all_slopes, segments).mul_(input).add_(look_up(offsets, segments));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &segments = saved[1], &slopes = saved[2];
    const at::Tensor& gradient = gradients[0];
    const std::int64_t count = slopes.size(0);
    const at::Tensor of_slopes = sums(at::mul(gradient, input), segments, count);
    const at::Tensor of_offsets = sums(gradient, segments, count);
    return {at::mul(gradient, look_up(slopes, segments)), of_slopes.to(slopes.scalar_type()),
            of_offsets.to(slopes.scalar_type()), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor multi_segment(const at::Tensor& input, const at::Tensor& slopes,
                         const at::Tensor& offsets, const at::Tensor& mean,
                         const at::Tensor& variance) {
  return Node::apply(input, slopes, offsets, mean, variance);
}

}  // namespace concertina
