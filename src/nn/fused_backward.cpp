#include <algorithm>

#include <ATen/Functions.h>

#include "concertina/kernels/matmul.h"

#include "fused_pass.h"

namespace concertina::fused {
namespace {

std::int64_t room(std::int64_t floats) { return (floats + 15) / 16 * 16; }

std::int64_t weight_floats(const Operation& one) {
  const std::int64_t out = one.kind == Kind::depthwise ? 1 : one.out.channels;
  return one.window.taps() * one.window.channels * out;
}

// The sums that the norms behind an operation's input need, one set a lane.
class LaneSums {
 public:
  LaneSums(PassState& state, const Operation& one, int lanes) : state_(state), lanes_(lanes) {
    for (const int producer : one.finishes) {
      const Operation& of = state.plan().operations[static_cast<std::size_t>(producer)];
      if (of.norm < 0) continue;
      sums_.push_back(
          {&of, std::vector<double>(static_cast<std::size_t>(2 * lanes * of.out.channels))});
    }
  }

  // The gradient of pixels begin..begin+count-1 of the batch is complete.
  void add(int lane, std::int64_t begin, std::int64_t count) {
    for (Sum& sum : sums_) {
      const View view = sum.of->out;
      const std::int64_t stride = state_.stride(view);
      const std::vector<float>& mean = state_.coefficients_of(view).mean;
      kernels::add_gradient_sums({count, view.channels}, state_.z(view) + begin * stride, stride,
                                 state_.g(view) + begin * stride, stride, state_.affine(view),
                                 mean.data() + view.channel, part(sum, lane));
    }
  }

  // Sets the coefficients of the gradients in z, and adds the gradients of the norms' parameters.
  void finish() {
    for (Sum& sum : sums_) finish(sum);
  }

 private:
  struct Sum {
    const Operation* of;
    std::vector<double> memory;
  };

  static kernels::GradientSums part(Sum& sum, int lane) {
    const std::int64_t channels = sum.of->out.channels;
    double* direct = sum.memory.data() + 2 * lane * channels;
    return {direct, direct + channels};
  }

  void finish(Sum& sum) {
    const View view = sum.of->out;
    Coefficients& of = state_.coefficients_of(view);
    const auto count = static_cast<double>(state_.images * sum.of->window.out_pixels());
    const bool batch_statistics = state_.setting.pass != Pass::evaluate;
    std::vector<double> weight, bias;
    for (int c = 0; c < view.channels; ++c) {
      const auto at = static_cast<std::size_t>(view.channel + c);
      double direct = 0;
      double centred = 0;
      for (int lane = 0; lane < lanes_; ++lane) {
        direct += part(sum, lane).direct[c];
        centred += part(sum, lane).centred[c];
      }
      const double inverse = of.inverse[at];
      weight.push_back(centred * inverse);
      bias.push_back(direct);
      of.direct[at] = of.scale[at];
      if (!batch_statistics) continue;
      const double linear = -of.scale[at] * inverse * inverse * centred / count;
      of.linear[at] = static_cast<float>(linear);
      of.constant[at] = static_cast<float>(-of.scale[at] * direct / count - linear * of.mean[at]);
    }
    add_norm_gradient(state_, *sum.of, weight, bias);
  }

  PassState& state_;
  int lanes_;
  std::vector<Sum> sums_;
};

// One operation on its way back.
class Back {
 public:
  Back(PassState& state, const Operation& one, const Weight& weight, bool of_images, float* parts)
      : state_(state),
        one_(one),
        window_(one.window),
        weight_(weight),
        parts_(parts),
        wants_input_(one.in.buffer != 0 || of_images),
        in_stride_(state.stride(one.in)) {}

  void run_convolution() {
    const int lanes = lane_count(one_, state_.images);
    LaneSums sums(state_, one_, lanes);
    clear();
    state_.team().run(lanes, [&](int lane, int thread) {
      const Share share = share_of(lane, lanes, state_.images);
      float* part = parts_ + lane * weight_floats(one_);
      if (one_.kind == Kind::depthwise) std::fill_n(part, weight_floats(one_), 0.0F);
      if (one_.kind == Kind::conv && one_.pointwise()) {
        pointwise(share, lane, thread, part, sums);
        return;
      }
      for (std::int64_t image = share.begin; image < share.end; ++image) {
        if (one_.kind == Kind::depthwise) {
          depthwise(image, thread, part);
        } else {
          conv(image, thread, image == share.begin, part);
        }
        sums.add(lane, image * window_.in_pixels(), window_.in_pixels());
      }
    });
    add_weight_gradient(state_, one_, parts_, lanes);
    sums.finish();
  }

  void run_head(const at::Tensor& gradient) {
    const int lanes = lane_count(one_, state_.images);
    LaneSums sums(state_, one_, lanes);
    clear();
    const float* logits = gradient.data_ptr<float>();
    head_parameters(gradient);
    const at::Tensor pooled = at::empty({state_.images, window_.channels}, at::kFloat);
    kernels::matmul({state_.images, window_.channels, one_.out.channels, one_.out.channels, 1,
                     weight_.row, 1, window_.channels, false},
                    logits, weight_.data, pooled.data_ptr<float>());
    state_.team().run(lanes, [&](int lane, int) {
      const Share share = share_of(lane, lanes, state_.images);
      for (std::int64_t image = share.begin; image < share.end; ++image) {
        spread(pooled.data_ptr<float>() + image * window_.channels, image);
      }
      const std::int64_t pixels = window_.in_pixels();
      sums.add(lane, share.begin * pixels, (share.end - share.begin) * pixels);
    });
    sums.finish();
  }

 private:
  // Parts of the input's gradient that others will not have written.
  void clear() const {
    if (!wants_input_) return;
    for (const View& view : one_.clears) {
      state_.team().run(static_cast<int>(state_.images), [&](int image, int) {
        float* pixel = state_.g(view) + image * window_.in_pixels() * in_stride_;
        for (std::int64_t p = 0; p < window_.in_pixels(); ++p, pixel += in_stride_) {
          std::fill_n(pixel, view.channels, 0.0F);
        }
      });
    }
  }

  // The gradient in this operation's output, of `rows` pixels of the batch from `begin`.
  void output_gradient(std::int64_t begin, std::int64_t rows, float* into) const {
    const View view = one_.out;
    const std::int64_t stride = state_.stride(view);
    const Coefficients& of = state_.coefficients[static_cast<std::size_t>(view.buffer)];
    kernels::norm_gradient({rows, view.channels}, state_.z(view) + begin * stride, stride,
                           state_.g(view) + begin * stride, stride, state_.affine(view),
                           {of.direct.data() + view.channel, of.linear.data() + view.channel,
                            of.constant.data() + view.channel},
                           into, view.channels);
  }

  // part (+)= gradient^T * values; the first product of a lane needs no zeros there.
  void add_weight_product(std::int64_t rows, const float* gradient, const float* values, bool first,
                          float* part) const {
    const std::int64_t inner = window_.taps() * window_.channels;
    kernels::matmul({one_.out.channels, inner, rows, 1, one_.out.channels, inner, 1, inner, !first},
                    gradient, values, part);
  }

  void pointwise(Share share, int lane, int thread, float* part, LaneSums& sums) const {
    const std::int64_t pixels = window_.out_pixels();
    const std::int64_t tile = tile_rows(one_);
    float* values =
        state_.scratch(thread, room(tile * window_.channels) + room(tile * one_.out.channels));
    float* gradient = values + room(tile * window_.channels);
    for (std::int64_t row = share.begin * pixels; row < share.end * pixels; row += tile) {
      const std::int64_t rows = std::min(tile, share.end * pixels - row);
      output_gradient(row, rows, gradient);
      kernels::activate({rows, window_.channels}, state_.z(one_.in) + row * in_stride_, in_stride_,
                        state_.affine(one_.in), values, window_.channels);
      add_weight_product(rows, gradient, values, row == share.begin * pixels, part);
      if (!wants_input_) continue;
      kernels::matmul({rows, window_.channels, one_.out.channels, one_.out.channels, 1, weight_.row,
                       1, in_stride_, one_.accumulates},
                      gradient, weight_.data, state_.g(one_.in) + row * in_stride_);
      sums.add(lane, row, rows);
    }
  }

  void conv(std::int64_t image, int thread, bool first, float* part) const {
    const std::int64_t pixels = window_.out_pixels();
    const std::int64_t inner = window_.taps() * window_.channels;
    const std::int64_t tile = std::min(tile_rows(one_), pixels);
    const std::int64_t padded_floats = room(window_.padded_pixels() * window_.channels);
    float* padded = state_.scratch(
        thread, 2 * padded_floats + 2 * room(tile * inner) + room(tile * one_.out.channels));
    float* padded_gradient = padded + padded_floats;
    float* patches = padded_gradient + padded_floats;
    float* patch_gradient = patches + room(tile * inner);
    float* gradient = patch_gradient + room(tile * inner);
    kernels::pad(window_, state_.z(one_.in) + image * window_.in_pixels() * in_stride_, in_stride_,
                 state_.affine(one_.in), padded);
    if (wants_input_) std::fill_n(padded_gradient, padded_floats, 0.0F);
    for (std::int64_t row = 0; row < pixels; row += tile) {
      const std::int64_t rows = std::min(tile, pixels - row);
      output_gradient(image * pixels + row, rows, gradient);
      kernels::gather_patches(window_, padded, row, row + rows, patches);
      add_weight_product(rows, gradient, patches, first && row == 0, part);
      if (!wants_input_) continue;
      kernels::matmul(
          {rows, inner, one_.out.channels, one_.out.channels, 1, weight_.row, 1, inner, false},
          gradient, weight_.data, patch_gradient);
      kernels::scatter_patches(window_, patch_gradient, row, row + rows, padded_gradient);
    }
    if (!wants_input_) return;
    kernels::unpad(window_, padded_gradient, one_.accumulates,
                   state_.g(one_.in) + image * window_.in_pixels() * in_stride_, in_stride_);
  }

  void depthwise(std::int64_t image, int thread, float* part) const {
    const std::int64_t pixels = window_.out_pixels();
    float* gradient = state_.scratch(
        thread, room(pixels * window_.channels) + kernels::depthwise_scratch(window_));
    output_gradient(image * pixels, pixels, gradient);
    const std::int64_t begin = image * window_.in_pixels() * in_stride_;
    float* into = wants_input_ ? state_.g(one_.in) + begin : nullptr;
    kernels::depthwise_gradient(window_, state_.z(one_.in) + begin, in_stride_,
                                state_.affine(one_.in), weight_.data, gradient, window_.channels,
                                {into, in_stride_, one_.accumulates, part},
                                gradient + room(pixels * window_.channels));
  }

  void head_parameters(const at::Tensor& gradient) const {
    const at::Tensor& features = state_.features[static_cast<std::size_t>(one_.out.buffer)];
    add_weight_product(state_.images, gradient.data_ptr<float>(), features.data_ptr<float>(), true,
                       parts_);
    add_weight_gradient(state_, one_, parts_, 1);
    const at::Tensor& bias = state_.tensor(one_.layer).bias;
    if (!bias.defined()) return;
    at::Tensor& sum = bias.mutable_grad();
    if (!sum.defined()) sum = at::zeros_like(bias.detach());
    sum.add_(at::sum(gradient, 0));
  }

  // The pooled map's gradient: every pixel has its share.
  void spread(const float* pooled, std::int64_t image) const {
    const std::int64_t pixels = window_.in_pixels();
    float* pixel = state_.g(one_.in) + image * pixels * in_stride_;
    for (std::int64_t p = 0; p < pixels; ++p, pixel += in_stride_) {
      for (std::int64_t c = 0; c < window_.channels; ++c) {
        const float share = pooled[c] / static_cast<float>(pixels);
        pixel[c] = one_.accumulates ? pixel[c] + share : share;
      }
    }
  }

  PassState& state_;
  const Operation& one_;
  const kernels::Window& window_;
  const Weight& weight_;
  float* parts_;
  bool wants_input_;
  std::int64_t in_stride_;
};

at::Tensor image_gradient(const PassState& state) {
  const Buffer& input = state.plan().buffers.front();
  const at::Tensor dense =
      at::empty({state.images, input.height, input.width, input.channels}, at::kFloat);
  std::copy_n(state.g({0, 0, input.channels}), dense.numel(), dense.data_ptr<float>());
  return dense.permute({0, 3, 1, 2}).contiguous();
}

}  // namespace

at::Tensor backward(PassState& state, const std::vector<at::Tensor>& gradients, bool of_images) {
  const std::vector<Operation>& operations = state.plan().operations;
  std::int64_t largest = 0;
  for (const Operation& one : operations) {
    largest = std::max(largest, lane_count(one, state.images) * weight_floats(one));
  }
  const std::shared_ptr<Block> parts = state.workshop->memory.borrow(largest);
  for (std::size_t i = operations.size(); i-- > 0;) {
    const Operation& one = operations[i];
    if (!one.leads_to_exit) continue;
    Back back(state, one, state.weights[i], of_images, parts->data());
    if (one.kind != Kind::head) {
      back.run_convolution();
      continue;
    }
    const at::Tensor& given = gradients[static_cast<std::size_t>(one.out.buffer)];
    back.run_head(given.defined() ? given.contiguous()
                                  : at::zeros({state.images, one.out.channels}, at::kFloat));
  }
  return of_images ? image_gradient(state) : at::Tensor();
}

}  // namespace concertina::fused
