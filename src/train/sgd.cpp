#include "concertina/train/sgd.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
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

constexpr const char* kLearned = "distill/";  // by the plan, beside the net

// "w0.500/stem.norm/weight" and "stem.conv/weight" are of the layers stem.norm and stem.conv.
std::string layer_of(const std::string& parameter) {
  const std::size_t slash = parameter.find('/');
  const bool of_width = parameter[0] == 'w' && parameter.find('/', slash + 1) != std::string::npos;
  const std::string path = of_width ? parameter.substr(slash + 1) : parameter;
  return path.rfind(kLearned, 0) == 0 ? path : path.substr(0, path.rfind('/'));
}

}  // namespace

Sgd::Sgd(std::vector<Parameter> parameters, const Recipe& recipe)
    : parameters_(std::move(parameters)),
      trains_(parameters_.size(), true),
      sparsity_(recipe.sparsity),
      proximal_(recipe.proximal),
      proximal_weight_(recipe.proximal_weight),
      factor_(recipe.momentum),
      nesterov_(recipe.nesterov) {
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

std::vector<std::string> Sgd::layers() const {
  std::vector<std::string> found;
  for (const Parameter& parameter : parameters_) {
    const std::string layer = layer_of(parameter.name);
    const bool is_new = found.empty() || found.back() != layer;
    if (is_new && layer.rfind(kLearned, 0) != 0) found.push_back(layer);
  }
  return found;
}

void Sgd::train_only(const std::vector<std::string>& layers) {
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const std::string layer = layer_of(parameters_[k].name);
    const auto begins = [&](const std::string& word) { return layer.rfind(word, 0) == 0; };
    trains_[k] =
        layers.empty() || begins(kLearned) || std::any_of(layers.begin(), layers.end(), begins);
  }
}

void Sgd::forget_momentum() {
  for (Parameter& buffer : momentum_) buffer.value.zero_();
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

void Sgd::step(double learning_rate, bool sparse) {
  const at::NoGradGuard guard;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    at::Tensor& value = parameters_[k].value;
    at::Tensor gradient = value.grad();
    if (!gradient.defined() || !trains_[k]) continue;
    const bool scale = parameters_[k].is_scale && sparse && sparsity_ > 0;
    if (scale) gradient = at::add(gradient, at::sign(value), sparsity_);
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
  if (sparse && proximal_ != Proximal::none) shrink(learning_rate * proximal_weight_);
}

// docs/methods.md, Sparse nets
void Sgd::shrink(double amount) {
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    at::Tensor& value = parameters_[k].value;
    const bool of_plan = parameters_[k].name.rfind("distill/", 0) == 0;
    if (!parameters_[k].is_matrix || of_plan || !trains_[k] || !value.grad().defined()) continue;
    if (proximal_ == Proximal::l1) {
      value.copy_(at::mul(at::sign(value), at::clamp_min(at::sub(at::abs(value), amount), 0)));
    } else if (value.dim() == 4) {
      const at::Tensor rows = value.flatten(1);
      const double root = std::sqrt(static_cast<double>(rows.size(1)));
      const at::Tensor length = at::clamp_min(at::norm(rows, 2, {1}, true), 1e-12);
      const at::Tensor kept = at::clamp_min(1 - (amount * root) / length, 0);
      value.copy_(at::mul(rows, kept).reshape(value.sizes()));
    }
  }
}

}  // namespace concertina
