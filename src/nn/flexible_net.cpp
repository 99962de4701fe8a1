#include "concertina/nn/flexible_net.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/core/text.h"

#include "fused_engine.h"
#include "slices.h"

namespace concertina {
namespace {

// Normal numbers from (seed, layer) alone.
at::Tensor normal(at::IntArrayRef sizes, double deviation, std::uint64_t seed, int layer) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  CounterRandom random(seed, Stream::initialize, static_cast<std::uint32_t>(layer));
  float* values = tensor.data_ptr<float>();
  for (std::int64_t k = 0; k < tensor.numel(); ++k) {
    values[k] = static_cast<float>(deviation * random.normal());
  }
  return tensor;
}

// docs/methods.md, MobileNet-V1: convolutions N(0, sqrt(2 / (k k out))), linear layers N(0, 0.01).
at::Tensor initial_weight(const Layer& spec, const ResolvedLayer& layer, std::uint64_t seed) {
  const std::int64_t kernel = spec.kernel;
  const std::int64_t out = layer.out_channels;
  if (spec.kind == LayerKind::linear) {
    return normal({out, layer.in_channels}, 0.01, seed, layer.layer);
  }
  const std::int64_t in = spec.kind == LayerKind::depthwise ? 1 : layer.in_channels;
  const double deviation = std::sqrt(2.0 / static_cast<double>(kernel * kernel * out));
  return normal({out, in, kernel, kernel}, deviation, seed, layer.layer);
}

const char* axes_of(const Layer& spec) {
  if (is_segmented(spec)) return "segment";
  return spec.kind == LayerKind::linear ? "out,in" : "out,in,height,width";
}

ResolvedNet everything(const NetSpec& spec, Width width) {
  return resolve(spec, {width, spec.exit_count()});
}

}  // namespace

void check_finite(const std::vector<Parameter>& tensors, const std::string& what) {
  for (const Parameter& one : tensors) {
    if (at::isfinite(one.value.detach()).all().item<bool>()) continue;
    throw DivergedError("diverged: " + what + ", \"" + one.name +
                        "\" is not finite (try a lower learning rate or a larger batch)");
  }
}

FlexibleNet::FlexibleNet(NetSpec spec, std::vector<Width> widths, NetSettings settings,
                         std::uint64_t seed, at::Device device)
    : spec_(std::move(spec)),
      widths_(std::move(widths)),
      settings_(settings),
      device_(device),
      fused_(std::make_shared<fused::Engine>()) {
  for (const ResolvedLayer& layer : everything(spec_, Width()).layers) {
    const Layer& one = spec_.layers[static_cast<std::size_t>(layer.layer)];
    const std::int64_t channels = layer.out_channels;
    if (has_weight(one)) {
      LayerWeights& weights = weights_[layer.layer];
      weights.weight = initial_weight(one, layer, seed).to(device_).set_requires_grad(true);
      if (one.kind == LayerKind::linear || one.bias) {
        weights.bias = at::zeros({channels}, at::kFloat).to(device_).set_requires_grad(true);
      }
      has_biases_ = has_biases_ || one.bias;
    }
    if (is_segmented(one)) {
      LayerWeights& weights = weights_[layer.layer];
      weights.weight = at::zeros({one.segments}).to(device_).set_requires_grad(true);
      weights.bias = at::zeros({one.segments}).to(device_).set_requires_grad(true);
    }
    if (one.kind == LayerKind::norm && shares_affine(sharing())) {
      shared_[layer.layer].weight = at::ones({channels}).to(device_).set_requires_grad(true);
      shared_[layer.layer].bias = at::zeros({channels}).to(device_).set_requires_grad(true);
    }
  }
  for (const Width width : widths_) banks_[width] = make_bank(width);
}

FlexibleNet::Bank FlexibleNet::make_bank(Width width) const {
  Bank bank;
  for (const ResolvedLayer& layer : everything(spec_, width).layers) {
    const Layer& one = spec_.layers[static_cast<std::size_t>(layer.layer)];
    if (!has_statistics(one)) continue;
    const std::int64_t channels = is_segmented(one) ? 1 : layer.out_channels;
    Norm& norm = bank.norms[layer.layer];
    norm.running_mean = at::zeros({channels}).to(device_);
    norm.running_var = at::ones({channels}).to(device_);
    if (is_segmented(one)) continue;
    if (!shares_affine(sharing())) {
      norm.weight = at::ones({channels}).to(device_).set_requires_grad(true);
      norm.bias = at::zeros({channels}).to(device_).set_requires_grad(true);
    } else {
      norm.weight = shared_.at(layer.layer).weight;
      norm.bias = shared_.at(layer.layer).bias;
    }
  }
  return bank;
}

bool FlexibleNet::is_calibrated(Width width) const {
  const auto found = banks_.find(width);
  return found != banks_.end() && found->second.calibrated;
}

void FlexibleNet::set_calibrated(Width width, bool calibrated) {
  banks_.at(width).calibrated = calibrated;
}

void FlexibleNet::reset_statistics(Width width) {
  if (banks_.count(width) == 0) banks_[width] = make_bank(width);
  Bank& bank = banks_.at(width);
  bank.passes = 0;
  bank.calibrated = false;
  for (auto& [layer, norm] : bank.norms) {
    norm.running_mean.zero_();
    norm.running_var.fill_(1);
  }
}

void FlexibleNet::forget(Width width) {
  fused_->forget(width);
  if (std::find(widths_.begin(), widths_.end(), width) == widths_.end()) banks_.erase(width);
}

std::vector<Parameter> FlexibleNet::weights() const {
  std::vector<Parameter> result;
  for (int layer = 0; layer < static_cast<int>(spec_.layers.size()); ++layer) {
    const Layer& spec = spec_.layers[static_cast<std::size_t>(layer)];
    const auto weights = weights_.find(layer);
    if (weights != weights_.end()) {
      const bool matrix = spec.kind == LayerKind::conv || spec.kind == LayerKind::linear;
      result.push_back({spec.name + "/weight", weights->second.weight, axes_of(spec), matrix});
      if (weights->second.bias.defined()) {
        const char* axes = is_segmented(spec) ? "segment" : "channel";
        result.push_back({spec.name + "/bias", weights->second.bias, axes, false});
      }
    }
    const auto norm = shared_.find(layer);
    if (norm != shared_.end()) {
      result.push_back({spec.name + "/weight", norm->second.weight, "channel", false, true});
      result.push_back({spec.name + "/bias", norm->second.bias, "channel", false});
    }
  }
  return result;
}

std::vector<Width> FlexibleNet::bank_widths() const {
  std::vector<Width> widths;
  for (const auto& [width, bank] : banks_) widths.push_back(width);
  return widths;
}

std::vector<Parameter> FlexibleNet::norms(Width width) const {
  std::vector<Parameter> result;
  for (const ResolvedLayer& layer : everything(spec_, width).layers) {
    const Layer& spec = spec_.layers[static_cast<std::size_t>(layer.layer)];
    if (!has_statistics(spec)) continue;
    const Norm& norm = banks_.at(width).norms.at(layer.layer);
    const bool shared = shares_affine(sharing());
    const auto affine = [&](const at::Tensor& full) {
      return shared ? take(full.detach(), 0, layer.out) : full;
    };
    if (spec.kind == LayerKind::norm) {
      result.push_back({spec.name + "/weight", affine(norm.weight), "channel", false, true});
      result.push_back({spec.name + "/bias", affine(norm.bias), "channel", false});
    }
    const char* axes = is_segmented(spec) ? "layer" : "channel";
    result.push_back({spec.name + "/running_mean", norm.running_mean, axes, false});
    result.push_back({spec.name + "/running_var", norm.running_var, axes, false});
  }
  return result;
}

std::vector<Parameter> FlexibleNet::parameters() const {
  std::vector<Parameter> result = weights();
  if (shares_affine(sharing())) return result;
  for (const auto& [width, bank] : banks_) {
    for (Parameter& parameter : norms(width)) {
      if (!parameter.value.requires_grad()) continue;
      parameter.name = width.label() + "/" + parameter.name;
      result.push_back(std::move(parameter));
    }
  }
  return result;
}

FlexibleNet FlexibleNet::extract(const Subnet& subnet, Exits exits) const {
  const at::NoGradGuard guard;
  const ResolvedNet inside = resolve(spec_, subnet, exits);
  FlexibleNet result(extract_spec(spec_, inside), {Width()}, {}, 0, device_);
  result.wanted_ = wanted_;
  const Bank& from = banks_.at(subnet.width);
  Bank& to = result.banks_.at(Width());
  to.calibrated = from.calibrated;
  for (int k = 0; k < static_cast<int>(inside.layers.size()); ++k) {
    const ResolvedLayer& layer = inside.layers[static_cast<std::size_t>(k)];
    const Layer& spec = spec_.layers[static_cast<std::size_t>(layer.layer)];
    if (has_weight(spec)) {
      const LayerWeights& full = weights_.at(layer.layer);
      LayerWeights& small = result.weights_.at(k);
      small.weight.copy_(slice_weight(spec, layer, full.weight));
      if (full.bias.defined()) small.bias.copy_(take(full.bias, 0, layer.out));
    } else if (is_segmented(spec)) {
      result.weights_.at(k).weight.copy_(weights_.at(layer.layer).weight);
      result.weights_.at(k).bias.copy_(weights_.at(layer.layer).bias);
    } else if (spec.kind == LayerKind::norm) {
      const Norm& norm = from.norms.at(layer.layer);
      const bool shared = shares_affine(sharing());
      to.norms.at(k).weight.copy_(shared ? take(norm.weight, 0, layer.out) : norm.weight);
      to.norms.at(k).bias.copy_(shared ? take(norm.bias, 0, layer.out) : norm.bias);
    }
    if (!has_statistics(spec)) continue;
    to.norms.at(k).running_mean.copy_(from.norms.at(layer.layer).running_mean);
    to.norms.at(k).running_var.copy_(from.norms.at(layer.layer).running_var);
  }
  return result;
}

}  // namespace concertina
