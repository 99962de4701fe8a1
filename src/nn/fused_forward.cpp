#include <cmath>

#include <ATen/Functions.h>

#include "concertina/kernels/matmul.h"

#include "fused_pass.h"

namespace concertina::fused {
namespace {

constexpr double kEpsilon = 1e-5;  // batch norm's, as in the plain executor

// One set of moments a lane, and all of them joined.
class LaneMoments {
 public:
  LaneMoments(int lanes, std::int64_t channels)
      : channels_(channels),
        memory_(static_cast<std::size_t>(2 * channels * lanes), 0),
        counts_(static_cast<std::size_t>(lanes), 0) {}

  void add(int lane, std::int64_t rows, const float* z, std::int64_t stride) {
    kernels::Moments moments = of(lane);
    kernels::add_moments({rows, channels_}, z, stride, moments);
    counts_[static_cast<std::size_t>(lane)] = moments.count;
  }

  kernels::Moments join() {
    kernels::Moments all = of(0);
    for (int lane = 1; lane < static_cast<int>(counts_.size()); ++lane) {
      kernels::merge_moments(channels_, of(lane), all);
    }
    return all;
  }

 private:
  kernels::Moments of(int lane) {
    double* mean = memory_.data() + 2 * channels_ * lane;
    return {counts_[static_cast<std::size_t>(lane)], mean, mean + channels_};
  }

  std::int64_t channels_;
  std::vector<double> memory_;
  std::vector<std::int64_t> counts_;
};

void take_images(PassState& state, const at::Tensor& images) {
  const std::int64_t channels = images.size(1);
  const std::int64_t pixels = images.size(2) * images.size(3);
  const float* from = images.data_ptr<float>();
  float* to = state.z({0, 0, static_cast<int>(channels)});
  state.team().run(static_cast<int>(state.images), [&](int image, int) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* plane = from + (image * channels + c) * pixels;
      float* place = to + image * channels * pixels + c;
      for (std::int64_t p = 0; p < pixels; ++p) place[p * channels] = plane[p];
    }
  });
}

void start_coefficients(PassState& state) {
  state.coefficients.clear();
  for (const Buffer& buffer : state.plan().buffers) {
    const auto channels = static_cast<std::size_t>(buffer.channels);
    const std::vector<float> zeros(channels, 0), ones(channels, 1);
    state.coefficients.push_back({ones, zeros, zeros, ones, ones, zeros, zeros});
  }
}

void set_coefficients(PassState& state, const Operation& one, const double* mean,
                      const double* variance) {
  const LayerTensors& tensors = state.tensor(one.norm);
  const std::vector<float> weight = norm_values(state, one.norm, tensors.weight);
  const std::vector<float> bias = norm_values(state, one.norm, tensors.bias);
  Coefficients& of = state.coefficients_of(one.out);
  for (int c = 0; c < one.out.channels; ++c) {
    const auto at = static_cast<std::size_t>(c);
    const auto place = static_cast<std::size_t>(one.out.channel + c);
    const double inverse = 1 / std::sqrt(variance[c] + kEpsilon);
    of.inverse[place] = static_cast<float>(inverse);
    of.mean[place] = static_cast<float>(mean[c]);
    of.scale[place] = static_cast<float>(weight[at] * inverse);
    of.shift[place] = static_cast<float>(bias[at] - mean[c] * weight[at] * inverse);
  }
}

void use_running_statistics(PassState& state, const Operation& one) {
  const LayerTensors& tensors = state.tensor(one.norm);
  const at::Tensor mean = tensors.running_mean.to(at::kDouble);
  const at::Tensor variance = tensors.running_var.to(at::kDouble);
  set_coefficients(state, one, mean.data_ptr<double>(), variance.data_ptr<double>());
}

void update_running_statistics(PassState& state, const Operation& one,
                               const kernels::Moments& moments) {
  const LayerTensors& tensors = state.tensor(one.norm);
  if (!tensors.running_mean.defined()) return;
  float* mean = tensors.running_mean.data_ptr<float>();
  float* variance = tensors.running_var.data_ptr<float>();
  const double share = state.setting.momentum;
  const auto unbiased = static_cast<double>(moments.count - 1);
  for (int c = 0; c < one.out.channels; ++c) {
    mean[c] = static_cast<float>((1 - share) * mean[c] + share * moments.mean[c]);
    variance[c] =
        static_cast<float>((1 - share) * variance[c] + share * moments.squares[c] / unbiased);
  }
}

void use_batch_statistics(PassState& state, const Operation& one, const kernels::Moments& moments) {
  std::vector<double> variance(moments.squares, moments.squares + one.out.channels);
  for (double& each : variance) each /= static_cast<double>(moments.count);
  set_coefficients(state, one, moments.mean, variance.data());
  update_running_statistics(state, one, moments);
}

// What a lane does with the rows it has just written.
using Written = std::function<void(const float* rows, std::int64_t count)>;

void multiply(const PassState& state, const Operation& one, const Weight& weight,
              const float* values, std::int64_t rows, float* out) {
  const std::int64_t inner = one.window.taps() * one.window.channels;
  kernels::matmul(
      {rows, one.out.channels, inner, inner, 1, 1, weight.row, state.stride(one.out), false},
      values, weight.data, out);
}

void pointwise_lane(const PassState& state, const Operation& one, const Weight& weight, Share share,
                    int thread, const Written& written) {
  const std::int64_t pixels = one.window.out_pixels();
  const std::int64_t tile = tile_rows(one);
  const std::int64_t in_stride = state.stride(one.in);
  const std::int64_t out_stride = state.stride(one.out);
  float* values = state.scratch(thread, tile * one.window.channels);
  for (std::int64_t row = share.begin * pixels; row < share.end * pixels; row += tile) {
    const std::int64_t rows = std::min(tile, share.end * pixels - row);
    float* out = state.z(one.out) + row * out_stride;
    kernels::activate({rows, one.window.channels}, state.z(one.in) + row * in_stride, in_stride,
                      state.affine(one.in), values, one.window.channels);
    multiply(state, one, weight, values, rows, out);
    written(out, rows);
  }
}

void conv_lane(const PassState& state, const Operation& one, const Weight& weight, Share share,
               int thread, const Written& written) {
  const kernels::Window& window = one.window;
  const std::int64_t pixels = window.out_pixels();
  const std::int64_t tile = std::min(tile_rows(one), pixels);
  const std::int64_t in_stride = state.stride(one.in);
  const std::int64_t out_stride = state.stride(one.out);
  const std::int64_t padded_floats = window.padded_pixels() * window.channels;
  const std::int64_t padded_room = (padded_floats + 15) / 16 * 16;
  float* padded = state.scratch(thread, padded_room + tile * window.taps() * window.channels);
  float* patches = padded + padded_room;
  for (std::int64_t image = share.begin; image < share.end; ++image) {
    kernels::pad(window, state.z(one.in) + image * window.in_pixels() * in_stride, in_stride,
                 state.affine(one.in), padded);
    for (std::int64_t row = 0; row < pixels; row += tile) {
      const std::int64_t rows = std::min(tile, pixels - row);
      float* out = state.z(one.out) + (image * pixels + row) * out_stride;
      kernels::gather_patches(window, padded, row, row + rows, patches);
      multiply(state, one, weight, patches, rows, out);
      written(out, rows);
    }
  }
}

void depthwise_lane(const PassState& state, const Operation& one, const Weight& weight, Share share,
                    int thread, const Written& written) {
  const kernels::Window& window = one.window;
  const std::int64_t in_stride = state.stride(one.in);
  const std::int64_t out_stride = state.stride(one.out);
  float* scratch = state.scratch(thread, kernels::depthwise_scratch(window));
  for (std::int64_t image = share.begin; image < share.end; ++image) {
    float* out = state.z(one.out) + image * window.out_pixels() * out_stride;
    kernels::depthwise(window, state.z(one.in) + image * window.in_pixels() * in_stride, in_stride,
                       state.affine(one.in), weight.data, out, out_stride, scratch);
    written(out, window.out_pixels());
  }
}

void run_convolution(PassState& state, const Operation& one, const Weight& weight) {
  const bool batch_statistics = one.norm >= 0 && state.setting.pass != Pass::evaluate;
  const int lanes = lane_count(one, state.images);
  LaneMoments moments(lanes, one.out.channels);
  state.team().run(lanes, [&](int lane, int thread) {
    const Share share = share_of(lane, lanes, state.images);
    const Written written = [&](const float* rows, std::int64_t count) {
      if (batch_statistics) moments.add(lane, count, rows, state.stride(one.out));
    };
    if (one.kind == Kind::depthwise) {
      depthwise_lane(state, one, weight, share, thread, written);
    } else if (one.pointwise()) {
      pointwise_lane(state, one, weight, share, thread, written);
    } else {
      conv_lane(state, one, weight, share, thread, written);
    }
  });
  if (batch_statistics) use_batch_statistics(state, one, moments.join());
}

at::Tensor run_head(PassState& state, const Operation& one, const Weight& weight) {
  const std::int64_t channels = one.window.channels;
  const std::int64_t pixels = one.window.in_pixels();
  const std::int64_t stride = state.stride(one.in);
  const at::Tensor features = at::empty({state.images, channels}, at::kFloat);
  const at::Tensor logits = at::empty({state.images, one.out.channels}, at::kFloat);
  float* pooled = features.data_ptr<float>();
  state.team().run(static_cast<int>(state.images), [&](int image, int thread) {
    float* values = state.scratch(thread, pixels * channels);
    kernels::activate({pixels, channels}, state.z(one.in) + image * pixels * stride, stride,
                      state.affine(one.in), values, channels);
    float* mean = pooled + image * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      float sum = 0;
      for (std::int64_t p = 0; p < pixels; ++p) sum += values[p * channels + c];
      mean[c] = sum / static_cast<float>(pixels);
    }
  });
  kernels::matmul({state.images, one.out.channels, channels, channels, 1, 1, weight.row,
                   one.out.channels, false},
                  pooled, weight.data, logits.data_ptr<float>());
  const at::Tensor& bias = state.tensor(one.layer).bias;
  if (bias.defined()) logits.add_(bias.detach());
  state.features[static_cast<std::size_t>(one.out.buffer)] = features;
  return logits;
}

}  // namespace

std::vector<at::Tensor> forward(PassState& state, const at::Tensor& images) {
  const Plan& plan = state.plan();
  state.images = images.size(0);
  state.arena = place_buffers(plan, state.images, state.setting.with_gradient);
  state.block = state.workshop->memory.borrow(state.arena.floats);
  state.features.assign(static_cast<std::size_t>(plan.exits), {});
  start_coefficients(state);
  pack_weights(state);
  take_images(state, images.contiguous());
  std::vector<at::Tensor> logits(static_cast<std::size_t>(plan.exits));
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& one = plan.operations[i];
    if (one.kind == Kind::head) {
      logits[static_cast<std::size_t>(one.out.buffer)] = run_head(state, one, state.weights[i]);
      continue;
    }
    if (one.norm >= 0 && state.setting.pass == Pass::evaluate) use_running_statistics(state, one);
    run_convolution(state, one, state.weights[i]);
  }
  return logits;
}

}  // namespace concertina::fused
