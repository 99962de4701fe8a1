#include "concertina/train/sgd.h"

#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

namespace concertina {

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
    const double norm = at::norm(parameter.value.grad()).item<double>();
    if (!std::isfinite(norm)) {
      throw DivergedError("diverged: the gradient of \"" + parameter.name +
                          "\" is not finite (try a lower learning rate)");
    }
    sum += norm * norm;
  }
  return std::sqrt(sum);
}

void Sgd::step(double learning_rate) {
  const at::NoGradGuard guard;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    at::Tensor& value = parameters_[k].value;
    at::Tensor gradient = value.grad();
    if (!gradient.defined()) continue;
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
