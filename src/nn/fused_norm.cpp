#include "fused_norm.h"

#include <algorithm>
#include <cmath>

#include "slices.h"

namespace concertina::fused {
namespace {

// Calls body(part, its first channel in the operation's output).
template <class Body>
void for_parts(const Operation& one, const Body& body) {
  int channel = 0;
  for (const Part& part : one.parts) {
    body(part, channel);
    channel += part.channels;
  }
}

ChannelSlice view_of(const Operation& one, const Part& part, int channel) {
  return {one.out.buffer, one.out.channel + channel, part.channels};
}

// `view`: of the part's channels.
void set_coefficients(PassState& state, const Part& part, ChannelSlice view, const double* mean,
                      const double* variance) {
  const LayerTensors& tensors = state.tensor(part.norm);
  const std::vector<float> weight = channel_values(state, part.norm, tensors.weight);
  const std::vector<float> bias = channel_values(state, part.norm, tensors.bias);
  Coefficients& of = state.coefficients_of(view);
  for (int c = 0; c < part.channels; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const auto place = static_cast<std::size_t>(view.channel + c);
    const double inverse = 1 / std::sqrt(variance[c] + kNormEpsilon);
    of.inverse[place] = static_cast<float>(inverse);
    of.mean[place] = static_cast<float>(mean[c]);
    of.scale[place] = static_cast<float>(weight[at] * inverse);
    of.shift[place] = static_cast<float>(bias[at] - mean[c] * weight[at] * inverse);
  }
}

void use_running_statistics(PassState& state, const Part& part, ChannelSlice view) {
  const LayerTensors& tensors = state.tensor(part.norm);
  const at::Tensor mean = tensors.running_mean.to(at::kDouble);
  const at::Tensor variance = tensors.running_var.to(at::kDouble);
  set_coefficients(state, part, view, mean.data_ptr<double>(), variance.data_ptr<double>());
}

void use_bias(PassState& state, const Part& part, ChannelSlice view) {
  const at::Tensor& bias = state.tensor(part.layer).bias;
  if (!bias.defined()) return;
  const std::vector<float> values = channel_values(state, part.layer, bias);
  std::copy(values.begin(), values.end(), state.coefficients_of(view).shift.begin() + view.channel);
}

void update_running_statistics(PassState& state, const Part& part,
                               const kernels::Moments& moments) {
  const LayerTensors& tensors = state.tensor(part.norm);
  if (!tensors.running_mean.defined()) return;
  float* mean = tensors.running_mean.data_ptr<float>();
  float* variance = tensors.running_var.data_ptr<float>();
  const double share = state.setting.momentum;
  const auto unbiased = static_cast<double>(moments.count - 1);
  for (int c = 0; c < part.channels; ++c) {
    mean[c] = static_cast<float>((1 - share) * mean[c] + share * moments.mean[c]);
    variance[c] =
        static_cast<float>((1 - share) * variance[c] + share * moments.squares[c] / unbiased);
  }
}

}  // namespace

LaneMoments::LaneMoments(int lanes, std::int64_t channels)
    : channels_(channels),
      memory_(static_cast<std::size_t>(2 * channels * lanes), 0),
      counts_(static_cast<std::size_t>(lanes), 0) {}

kernels::Moments LaneMoments::of(int lane) {
  double* mean = memory_.data() + 2 * channels_ * lane;
  return {counts_[static_cast<std::size_t>(lane)], mean, mean + channels_};
}

kernels::Moments LaneMoments::join() {
  kernels::Moments all = of(0);
  for (int lane = 1; lane < static_cast<int>(counts_.size()); ++lane) {
    kernels::merge_moments(channels_, of(lane), all);
  }
  return all;
}

void start_coefficients(PassState& state) {
  state.coefficients.clear();
  for (const Buffer& buffer : state.plan().buffers) {
    const auto channels = static_cast<std::size_t>(buffer.channels);
    const std::vector<float> zeros(channels, 0), ones(channels, 1);
    state.coefficients.push_back({ones, zeros, zeros, ones, ones, zeros, zeros});
  }
}

void use_constants(PassState& state, const Operation& one) {
  for_parts(one, [&](const Part& part, int channel) {
    const ChannelSlice view = view_of(one, part, channel);
    one.has_norm() ? use_running_statistics(state, part, view) : use_bias(state, part, view);
  });
}

void use_batch_statistics(PassState& state, const Operation& one, const kernels::Moments& moments) {
  std::vector<double> variance(moments.squares, moments.squares + one.out.channels);
  for (double& each : variance) each /= static_cast<double>(moments.count);
  for_parts(one, [&](const Part& part, int channel) {
    const kernels::Moments of_part{moments.count, moments.mean + channel,
                                   moments.squares + channel};
    set_coefficients(state, part, view_of(one, part, channel), of_part.mean,
                     variance.data() + channel);
    update_running_statistics(state, part, of_part);
  });
}

LaneSums::LaneSums(PassState& state, const Operation& operation, int lanes)
    : state_(state), lanes_(lanes) {
  for (const int producer : operation.finishes) {
    const Operation& of = state.plan().operations[static_cast<std::size_t>(producer)];
    if (!of.has_norm()) continue;
    sums_.push_back(
        {&of, std::vector<double>(static_cast<std::size_t>(2 * lanes * of.out.channels))});
  }
}

kernels::GradientSums LaneSums::part(Sum& sum, int lane) {
  const std::int64_t channels = sum.of->out.channels;
  double* direct = sum.memory.data() + 2 * lane * channels;
  return {direct, direct + channels};
}

void LaneSums::finish() {
  for (Sum& sum : sums_) finish(sum);
}

void LaneSums::finish(Sum& sum) {
  const ChannelSlice view = sum.of->out;
  Coefficients& of = state_.coefficients_of(view);
  const auto count = static_cast<double>(state_.images * sum.of->window.out_pixels());
  const bool batch_statistics = state_.setting.pass != Pass::evaluate;
  std::vector<double> weight, bias;
  for (int c = 0; c < view.channels; ++c) {
    const auto at = static_cast<std::size_t>(view.channel + c);
    double direct = 0;
    double centered = 0;
    for (int lane = 0; lane < lanes_; ++lane) {
      direct += part(sum, lane).direct[c];
      centered += part(sum, lane).centered[c];
    }
    const double inverse = of.inverse[at];
    weight.push_back(centered * inverse);
    bias.push_back(direct);
    of.direct[at] = of.scale[at];
    if (!batch_statistics) continue;
    const double linear = -of.scale[at] * inverse * inverse * centered / count;
    of.linear[at] = static_cast<float>(linear);
    of.constant[at] = static_cast<float>(-of.scale[at] * direct / count - linear * of.mean[at]);
  }
  for_parts(*sum.of, [&](const Part& part, int channel) {
    add_norm_gradient(state_, part, weight.data() + channel, bias.data() + channel);
  });
}

}  // namespace concertina::fused
