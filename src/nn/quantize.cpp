#include "quantize.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

#include "concertina/spec/map_grid.h"

namespace concertina {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Halves go up, everywhere and on every device.
void round_halves_up(at::Tensor& values) { values.add_(0.5).floor_(); }

// -1 and 1; nothing is 0.
at::Tensor sign_of(const at::Tensor& values) {
  return at::ge(values, 0).to(values.scalar_type()).mul_(2).sub_(1);
}

at::Tensor on_grid(const at::Tensor& squashed, int bits) {
  const double steps = (1 << bits) - 1;
  const at::Tensor most = at::clamp_min(at::max(at::abs(squashed)), 1e-12);
  at::Tensor place = at::div(squashed, at::mul(most, 2)).add_(0.5).mul_(steps);
  round_halves_up(place);
  return place.mul_(2 / steps).sub_(1).mul_(most);
}

struct Weight : torch::autograd::Function<Weight> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight, int bits) {
    const at::Tensor dense = weight.contiguous();  // vectors and scalars may differ in tanh
    if (bits == 1) {
      context->save_for_backward({at::Tensor()});
      return sign_of(dense).mul_(at::mean(at::abs(dense), at::kDouble));
    }
    const at::Tensor squashed = at::tanh(dense);
    context->save_for_backward({squashed});
    return on_grid(squashed, bits);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor squashed = context->get_saved_variables().front();
    const at::Tensor& gradient = gradients.front();
    return {squashed.defined() ? at::mul(gradient, at::rsub(at::square(squashed), 1)) : gradient,
            at::Tensor()};
  }
};

struct Map : torch::autograd::Function<Map> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& map, int bits) {
    const auto [top, step] = map_grid(bits);
    context->save_for_backward({map});
    context->saved_data["top"] = top;
    at::Tensor place = at::clamp(map, 0, top).mul_(1 / step);
    round_halves_up(place);
    return place.mul_(step);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor map = context->get_saved_variables().front();
    const double top = context->saved_data.at("top").toDouble();
    return {at::mul(gradients.front(), at::logical_and(at::gt(map, 0), at::lt(map, top))),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor rounded_weight(const at::Tensor& weight, int bits) {
  return Weight::apply(weight, bits);
}

at::Tensor rounded_map(const at::Tensor& map, int bits) { return Map::apply(map, bits); }

}  // namespace concertina
