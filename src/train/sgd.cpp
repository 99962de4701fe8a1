#include "concertina/train/sgd.h"

#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/kernels/sgd.h"

namespace concertina {
namespace {

double squared_norm(const at::Tensor& gradient) {
  if (gradient.is_cpu() && gradient.is_contiguous()) {
    return kernels::sum_of_squares(gradient.numel(), gradient.data_ptr<float>());
  }
  const double norm = at::norm(gradient).item<double>();
  return norm * norm;
}

}  // namespace

Sgd::Sgd(std::vector<Parameter> parameters, const Recipe& recipe)
    : parameters_(std::move(parameters)), factor_(recipe.momentum), nesterov_(recipe.nesterov) {
  for (const Parameter& parameter : parameters_) {
    const bool decays = recipe.decay_on == DecayOn::all || parameter.is_matrix;
    decay_.push_back(decays ? recipe.weight_decay : 0);
    momentum_.push_back(parameter);
    momentum_.back().value = at::zeros_like(parameter.value.detach());
  }
}

void Sgd::clear_gradients() {
  for (Parameter& parameter : parameters_) parameter.value.mutable_grad() = at::Tensor();
}

double Sgd::gradient_norm() const {
  double sum = 0;
  for (const Parameter& parameter : parameters_) {
    if (!parameter.value.grad().defined()) continue;
    const double square = squared_norm(parameter.value.grad());
    if (!std::isfinite(square)) {
      throw DivergedError("diverged: the gradient of \"" + parameter.name +
                          "\" is not finite (try a lower learning rate)");
    }
    sum += square;
  }
  return std::sqrt(sum);
}

// One pass over memory; the operations below take five.
void Sgd::step_on_cpu(std::size_t k, const at::Tensor& gradient, double learning_rate) {
  const at::Tensor dense = gradient.contiguous();
  at::Tensor& value = parameters_[k].value;
  kernels::sgd_step(value.numel(),
                    {static_cast<float>(learning_rate), static_cast<float>(factor_),
                     static_cast<float>(decay_[k]), nesterov_},
                    dense.data_ptr<float>(), momentum_[k].value.data_ptr<float>(),
                    value.data_ptr<float>());
  value.unsafeGetTensorImpl()->bump_version();  // as an operation of LibTorch would
}

void Sgd::step(double learning_rate) {
  const at::NoGradGuard guard;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    at::Tensor& value = parameters_[k].value;
    at::Tensor gradient = value.grad();
    if (!gradient.defined()) continue;
    if (value.is_cpu()) {
      step_on_cpu(k, gradient, learning_rate);
      continue;
    }
    if (decay_[k] != 0) gradient = at::add(gradient, value, decay_[k]);
    at::Tensor& buffer = momentum_[k].value;
    buffer.mul_(factor_).add_(gradient);
    if (nesterov_) {
      value.add_(at::add(gradient, buffer, factor_), -learning_rate);
    } else {
      value.add_(buffer, -learning_rate);
    }
  }
}

}  // namespace concertina
