#include <algorithm>

#include <ATen/Functions.h>

#include "concertina/kernels/convolution.h"

#include "fused_norm.h"
#include "fused_pass.h"
#include "fused_rows.h"

namespace concertina::fused {
namespace {

// One operation on its backward pass.
template <class T>
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
    state_.pool().run(lanes, [&](int lane, int thread) {
      const Share share = share_of(lane, lanes, state_.images);
      float* part = parts_ + lane * one_.weight_size();
      if (one_.kind == Kind::depthwise) {
        depthwise(share, lane, thread, part, sums);
      } else {
        convolution(share, lane, thread, part, sums);
      }
    });
    add_weight_gradient(state_, one_, parts_, lanes);
    sums.finish();
  }

  // given: [N, classes] in the logits.
  void run_head(const at::Tensor& given) {
    const at::Tensor gradient = given.contiguous();
    const float* logits = gradient.data_ptr<float>();
    const at::Tensor& features = state_.features[static_cast<std::size_t>(one_.out.buffer)];
    kernels::multiply_transposed(state_.images, one_.out.channels, window_.channels, logits,
                                 features.data_ptr<float>(), parts_, false);
    add_weight_gradient(state_, one_, parts_, 1);
    add_bias_gradient(state_, one_, gradient);
    const at::Tensor pooled = at::empty({state_.images, window_.channels}, at::kFloat);
    kernels::multiply(state_.images, logits, weight_.back<float>(), pooled.data_ptr<float>());
    // Every pixel has its share.
    const float* from = pooled.data_ptr<float>();
    fill_input([&](std::int64_t image, T* into) {
      kernels::rows<T>().spread({window_.in_pixels(), window_.channels},
                                from + image * window_.channels, one_.accumulates, into,
                                in_stride_);
    });
  }

  // gradient: [N, C, H, W] in the values.
  void run_tap(const at::Tensor& gradient) {
    if (!wants_input_) return;
    const at::Tensor rows = gradient.permute({0, 2, 3, 1}).contiguous();
    const float* from = rows.data_ptr<float>();
    const std::int64_t pixels = window_.in_pixels();
    fill_input([&](std::int64_t image, T* into) {
      kernels::rows<T>().store({pixels, window_.channels}, from + image * pixels * window_.channels,
                               one_.accumulates, into, in_stride_);
    });
  }

 private:
  // Parts of the input's gradient that others will not have written.
  void clear() const {
    if (!wants_input_) return;
    for (const ChannelSlice& view : one_.clears) {
      state_.pool().run(static_cast<int>(state_.images), [&](int image, int) {
        T* pixel = state_.g<T>(view) + image * window_.in_pixels() * in_stride_;
        for (std::int64_t p = 0; p < window_.in_pixels(); ++p, pixel += in_stride_) {
          std::fill_n(pixel, view.channels, T());
        }
      });
    }
  }

  // The gradient in this operation's output, of `rows` pixels of the batch from `begin`.
  void output_gradient(std::int64_t begin, std::int64_t rows, T* into) const {
    const ChannelSlice view = one_.out;
    const std::int64_t stride = state_.stride(view);
    const Coefficients& of = state_.coefficients[static_cast<std::size_t>(view.buffer)];
    kernels::rows<T>().norm_gradient(
        {rows, view.channels}, state_.z<T>(view) + begin * stride, stride,
        state_.g<T>(view) + begin * stride, stride, state_.affine(view),
        {of.direct.data() + view.channel, of.linear.data() + view.channel,
         of.constant.data() + view.channel},
        into, view.channels);
  }

  void convolution(Share share, int lane, int thread, float* part, LaneSums& sums) const {
    const std::int64_t pixels = one_.row_pixels();
    const std::int64_t tile = tile_rows(one_, one_.patches == Patches::of_input && wants_input_);
    const kernels::Window window = one_.patch_window();
    const auto* in_window = one_.patches == Patches::of_input ? &window : nullptr;
    const auto* out_window = one_.patches == Patches::of_output ? &window : nullptr;
    const auto value = [this](std::int64_t begin, std::int64_t count, T* into) {
      read_values(state_, one_, begin, count, into);
    };
    const auto gradient = [this](std::int64_t begin, std::int64_t count, T* into) {
      output_gradient(begin, count, into);
    };
    const auto complete = [&sums, lane](std::int64_t begin, std::int64_t count) {
      sums.add<T>(lane, begin, count);
    };
    using Values = RowReader<T, decltype(value)>;
    using Gradients = RowReader<T, decltype(gradient)>;
    using Writer = RowWriter<T, decltype(complete)>;
    const std::int64_t inner = one_.inner();
    const std::int64_t columns = one_.columns();
    BumpAllocator pieces(state_.scratch(
        thread, BumpAllocator::room<T>(tile * inner) + BumpAllocator::room<T>(tile * columns) +
                    BumpAllocator::room<float>(tile * inner) + Values::room(in_window) +
                    Gradients::room(out_window)));
    T* value_rows = pieces.take<T>(tile * inner);
    T* gradient_rows = pieces.take<T>(tile * columns);
    auto* product = pieces.take<float>(tile * inner);
    Values values(in_window, value, pieces);
    Gradients gradients(out_window, gradient, pieces);
    Writer writer(in_window, {state_.g<T>(one_.in), in_stride_, window_.channels, one_.accumulates},
                  product, complete);
    for (std::int64_t row = share.begin * pixels; row < share.end * pixels; row += tile) {
      const std::int64_t count = std::min(tile, share.end * pixels - row);
      gradients.read(row, count, gradient_rows);
      values.read(row, count, value_rows);
      // A lane's first product needs no zeros there.
      kernels::multiply_transposed(count, columns, inner, gradient_rows, value_rows, part,
                                   row != share.begin * pixels);
      if (!wants_input_) continue;
      writer.write(row, count, [&](auto* into) {
        kernels::multiply(count, gradient_rows, weight_.template back<T>(), into);
      });
    }
  }

  void depthwise(Share share, int lane, int thread, float* part, LaneSums& sums) const {
    const std::int64_t pixels = window_.out_pixels();
    BumpAllocator pieces(state_.scratch(
        thread, BumpAllocator::room<T>(pixels * window_.channels) +
                    BumpAllocator::room<float>(kernels::depthwise_scratch(window_))));
    T* gradient = pieces.take<T>(pixels * window_.channels);
    auto* scratch = pieces.take<float>(kernels::depthwise_scratch(window_));
    std::fill_n(part, one_.weight_size(), 0.0F);
    for (std::int64_t image = share.begin; image < share.end; ++image) {
      const std::int64_t place = image * window_.in_pixels() * in_stride_;
      output_gradient(image * pixels, pixels, gradient);
      T* into = wants_input_ ? state_.g<T>(one_.in) + place : nullptr;
      kernels::depthwise<T>().backward(
          window_, state_.z<T>(one_.in) + place, in_stride_, state_.affine(one_.in), weight_.taps,
          gradient, window_.channels, {into, in_stride_, one_.accumulates, part}, scratch);
      if (wants_input_) sums.add<T>(lane, image * window_.in_pixels(), window_.in_pixels());
    }
  }

  // The gradient in the whole input. write: called with (image, where its gradient goes).
  template <class Write>
  void fill_input(const Write& write) {
    const int lanes = lane_count(one_, state_.images);
    LaneSums sums(state_, one_, lanes);
    clear();
    const std::int64_t pixels = window_.in_pixels();
    state_.pool().run(lanes, [&](int lane, int) {
      const Share share = share_of(lane, lanes, state_.images);
      for (std::int64_t image = share.begin; image < share.end; ++image) {
        write(image, state_.g<T>(one_.in) + image * pixels * in_stride_);
      }
      sums.add<T>(lane, share.begin * pixels, (share.end - share.begin) * pixels);
    });
    sums.finish();
  }

  PassState& state_;
  const Operation& one_;
  const kernels::Window& window_;
  const Weight& weight_;
  float* parts_;
  bool wants_input_;
  std::int64_t in_stride_;
};

template <class T>
at::Tensor image_gradient(const PassState& state) {
  const Buffer& input = state.plan().buffers.front();
  const at::Tensor dense =
      at::empty({state.images, input.height, input.width, input.channels}, at::kFloat);
  const T* from = state.g<T>({0, 0, input.channels});
  float* to = dense.data_ptr<float>();
  for (std::int64_t k = 0; k < dense.numel(); ++k) to[k] = kernels::to_float(from[k]);
  return dense.permute({0, 3, 1, 2}).contiguous();
}

// Zeros where there is none.
at::Tensor gradient_of_result(const PassState& state, const Operation& one,
                              const std::vector<at::Tensor>& gradients) {
  const at::Tensor& given = gradients[static_cast<std::size_t>(one.out.buffer)];
  if (given.defined()) return given;
  std::vector<std::int64_t> shape{state.images, one.out.channels};
  if (one.kind == Kind::tap) shape.insert(shape.end(), {one.window.height, one.window.width});
  return at::zeros(shape, at::kFloat);
}

template <class T>
at::Tensor run(PassState& state, const std::vector<at::Tensor>& gradients, bool of_images) {
  const std::vector<Operation>& operations = state.plan().operations;
  std::int64_t largest = 0;
  for (const Operation& one : operations) {
    if (one.parts.empty()) continue;
    largest = std::max(largest, lane_count(one, state.images) * one.weight_size());
  }
  const std::shared_ptr<Block> parts = state.workspace->memory.borrow(largest);
  for (std::size_t i = operations.size(); i-- > 0;) {
    const Operation& one = operations[i];
    if (!one.leads_to_result) continue;
    const Timed timed(state, one, Way::backward);
    Back<T> back(state, one, state.weights[i], of_images, parts->data());
    if (!one.gives_result()) {
      back.run_convolution();
      continue;
    }
    const at::Tensor gradient = gradient_of_result(state, one, gradients);
    if (one.kind == Kind::head) {
      back.run_head(gradient);
    } else {
      back.run_tap(gradient);
    }
  }
  return of_images ? image_gradient<T>(state) : at::Tensor();
}

}  // namespace

at::Tensor backward(PassState& state, const std::vector<at::Tensor>& gradients, bool of_images) {
  return with_type(state,
                   [&](auto type) { return run<decltype(type)>(state, gradients, of_images); });
}

}  // namespace concertina::fused
