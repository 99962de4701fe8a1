// FlexibleNet::forward_plain: with ATen operations and autograd: works on any device, and is what
// faster ways are compared with.
#include <ATen/Functions.h>

#include "concertina/nn/flexible_net.h"

#include "gradient_shares.h"
#include "multi_segment.h"
#include "quantize.h"
#include "slices.h"

namespace concertina {
namespace {

// Depthwise convolutions run faster channels-last, nets of many small concatenations the other way
// round (measured with oneDNN, Zen 5: 1.5x and 0.6x).
at::MemoryFormat layout_of(const NetSpec& spec) {
  for (const Layer& layer : spec.layers) {
    if (layer.kind == LayerKind::depthwise) return at::MemoryFormat::ChannelsLast;
  }
  return at::MemoryFormat::Contiguous;
}

// hardtanh rather than clamp: its backward is one vectorized pass (measured: 1.4x of a step).
at::Tensor activate(Activation activation, const at::Tensor& input) {
  return activation == Activation::relu ? at::relu(input) : at::hardtanh(input, 0, 6);
}

at::Tensor pool(const Layer& spec, const at::Tensor& input) {
  if (spec.pool == Pool::global_average) return at::mean(input, {2, 3}, /*keepdim=*/true);
  return at::avg_pool2d(input, spec.kernel, spec.stride, spec.padding);
}

at::Tensor convolve(const Layer& spec, const at::Tensor& input, const at::Tensor& weight,
                    const at::Tensor& bias) {
  const std::int64_t groups = spec.kind == LayerKind::depthwise ? weight.size(0) : 1;
  // What a linear layer gives, [N, C], is a map of one pixel.
  const at::Tensor map = input.dim() == 2 ? input.unsqueeze(2).unsqueeze(3) : input;
  return at::conv2d(map, weight, bias, spec.stride, spec.padding, /*dilation=*/1, groups);
}

at::Tensor add_all(const std::vector<at::Tensor>& inputs) {
  at::Tensor sum = inputs[0];
  for (std::size_t k = 1; k < inputs.size(); ++k) sum = at::add(sum, inputs[k]);
  return sum;
}

// The same values; on the backward pass the gradient is multiplied.
at::Tensor with_gradient_times(const at::Tensor& value, double factor) {
  if (factor == 1 || !value.requires_grad()) return value;
  const at::Tensor same = at::alias(value);
  same.register_hook([factor](const at::Tensor& gradient) { return at::mul(gradient, factor); });
  return same;
}

// The live layer that is layer `layer` of the spec.
std::size_t place_of(const ResolvedNet& resolved, int layer) {
  std::size_t place = 0;
  while (resolved.layers[place].layer != layer) ++place;
  return place;
}

}  // namespace

std::vector<at::Tensor> FlexibleNet::forward_plain(const at::Tensor& images,
                                                   const ResolvedNet& resolved,
                                                   const std::vector<int>& taps, Bank* bank,
                                                   Pass pass, const Done& done) const {
  std::vector<at::Tensor> values;
  std::vector<at::Tensor> results;
  values.reserve(resolved.layers.size());
  const bool equal = settings_.flow == GradientFlow::equilibrium && pass == Pass::train;
  const GradientShares shares = equal ? gradient_shares(resolved) : GradientShares();
  for (const ResolvedLayer& layer : resolved.layers) {
    const auto reader = static_cast<int>(values.size());
    std::vector<at::Tensor> inputs;
    for (const int input : layer.inputs) {
      const auto share = shares.find({input, reader});
      inputs.push_back(with_gradient_times(values[static_cast<std::size_t>(input)],
                                           share == shares.end() ? 1 : share->second));
    }
    const Layer& spec = spec_.layers[static_cast<std::size_t>(layer.layer)];
    values.push_back(spec.kind == LayerKind::input ? images.contiguous(layout_of(spec_))
                                                   : run_layer(layer, bank, pass, inputs));
    const auto exit = static_cast<int>(results.size());
    const bool answers =
        results.size() < resolved.exits.size() &&
        values.size() == static_cast<std::size_t>(resolved.exits[results.size()]) + 1;
    if (!answers) continue;
    results.push_back(values.back());
    if (done && done(exit, results.back())) break;
  }
  results.resize(resolved.exits.size());
  for (const int tap : taps) results.push_back(values[place_of(resolved, tap)]);
  return results;
}

at::Tensor FlexibleNet::run_layer(const ResolvedLayer& layer, Bank* bank, Pass pass,
                                  const std::vector<at::Tensor>& inputs) const {
  const Layer& spec = spec_.layers[static_cast<std::size_t>(layer.layer)];
  const at::Tensor& input = inputs.front();
  switch (spec.kind) {
    case LayerKind::conv:
    case LayerKind::depthwise: {
      const auto& [weight, bias] = weights_.at(layer.layer);
      return convolve(spec, input, slice_weight(spec, layer, weight),
                      bias.defined() ? take(bias, 0, layer.out) : bias);
    }
    case LayerKind::linear: {
      const LayerWeights& weights = weights_.at(layer.layer);
      return at::linear(input.flatten(1), slice_weight(spec, layer, weights.weight), weights.bias);
    }
    case LayerKind::norm:
      return run_norm(layer, bank, pass, input);
    case LayerKind::activation:
      if (is_segmented(spec)) return run_segmented(layer, bank, pass, input);
      if (layer.bits != Width::kFullBits) return rounded_map(input, layer.bits);
      return activate(spec.activation, input);
    case LayerKind::pool:
      return pool(spec, input);
    case LayerKind::add:
      return add_all(inputs);
    case LayerKind::mean:
      return at::div(add_all(inputs), static_cast<double>(inputs.size()));
    case LayerKind::concat:
      return at::cat(inputs, 1);
    case LayerKind::input:
      break;
  }
  return input;
}

at::Tensor FlexibleNet::run_norm(const ResolvedLayer& layer, Bank* bank, Pass pass,
                                 const at::Tensor& input) const {
  const bool shared = shares_affine(sharing());
  const Norm& norm = shared ? shared_.at(layer.layer) : bank->norms.at(layer.layer);
  const at::Tensor weight = shared ? take(norm.weight, 0, layer.out) : norm.weight;
  const at::Tensor bias = shared ? take(norm.bias, 0, layer.out) : norm.bias;
  at::Tensor mean, variance;
  if (pass == Pass::evaluate || keeps_statistics(bank, pass)) {
    mean = bank->norms.at(layer.layer).running_mean;
    variance = bank->norms.at(layer.layer).running_var;
  }
  return at::batch_norm(input, weight, bias, mean, variance, pass != Pass::evaluate,
                        momentum(bank, pass), kNormEpsilon, /*cudnn_enabled=*/true);
}

bool FlexibleNet::keeps_statistics(const Bank* bank, Pass pass) const {
  return bank != nullptr &&
         (pass == Pass::calibrate || (pass == Pass::train && moves_statistics(sharing())));
}

at::Tensor FlexibleNet::run_segmented(const ResolvedLayer& layer, Bank* bank, Pass pass,
                                      const at::Tensor& input) const {
  const auto& [slopes, offsets] = weights_.at(layer.layer);
  if (pass == Pass::evaluate) {
    const Norm& running = bank->norms.at(layer.layer);
    return multi_segment(input, slopes, offsets, running.running_mean, running.running_var);
  }
  const auto [variance, mean] = at::var_mean(input.detach(), /*unbiased=*/false);
  if (keeps_statistics(bank, pass)) {
    Norm& running = bank->norms.at(layer.layer);
    running.running_mean.lerp_(mean.view({1}), momentum(bank, pass));
    running.running_var.lerp_(variance.view({1}), momentum(bank, pass));
  }
  return multi_segment(input, slopes, offsets, mean, variance);
}

}  // namespace concertina
