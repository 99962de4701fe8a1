#include <algorithm>
#include <type_traits>

#include <ATen/Functions.h>

#include "concertina/kernels/convolution.h"

#include "fused_norm.h"
#include "fused_pass.h"
#include "fused_rows.h"

namespace concertina::fused {
namespace {

template <class T>
void take_images(PassState& state, const at::Tensor& images) {
  const std::int64_t channels = images.size(1);
  const std::int64_t pixels = images.size(2) * images.size(3);
  const float* from = images.data_ptr<float>();
  T* to = state.z<T>({0, 0, static_cast<int>(channels)});
  state.pool().run(static_cast<int>(state.images), [&](int image, int) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* plane = from + (image * channels + c) * pixels;
      T* place = to + image * channels * pixels + c;
      for (std::int64_t p = 0; p < pixels; ++p) {
        place[p * channels] = kernels::rounded<T>(plane[p]);
      }
    }
  });
}

// One convolution of a batch.
template <class T>
class Forward {
 public:
  Forward(PassState& state, const Operation& one, const Weight& weight)
      : state_(state),
        one_(one),
        window_(one.window),
        weight_(weight),
        batch_statistics_(one.has_norm() && state.setting.pass != Pass::evaluate),
        lanes_(lane_count(one, state.images)),
        moments_(lanes_, one.out.channels),
        in_stride_(state.stride(one.in)),
        out_stride_(state.stride(one.out)) {}

  void run() {
    if (!batch_statistics_ && !state_.prepared) use_constants(state_, one_);
    state_.pool().run(lanes_, [&](int lane, int thread) {
      const Share share = share_of(lane, lanes_, state_.images);
      if (one_.kind == Kind::depthwise) {
        depthwise(lane, share, thread);
      } else {
        convolution(lane, share, thread);
      }
    });
    if (batch_statistics_) use_batch_statistics(state_, one_, moments_.join());
  }

 private:
  void convolution(int lane, Share share, int thread) {
    const std::int64_t pixels = one_.row_pixels();
    const std::int64_t tile = tile_rows(one_, one_.patches == Patches::of_output);
    const kernels::Window window = one_.patch_window();
    const auto* in_window = one_.patches == Patches::of_input ? &window : nullptr;
    const auto* out_window = one_.patches == Patches::of_output ? &window : nullptr;
    const auto value = [this](std::int64_t begin, std::int64_t count, T* into) {
      read_values(state_, one_, begin, count, into);
    };
    const auto complete = [this, lane](std::int64_t begin, std::int64_t count) {
      written(lane, state_.z<T>(one_.out) + begin * out_stride_, count);
    };
    using Reader = RowReader<T, decltype(value)>;
    using Writer = RowWriter<T, decltype(complete)>;
    BumpAllocator pieces(state_.scratch(
        thread, BumpAllocator::room<T>(tile * one_.inner()) +
                    BumpAllocator::room<float>(tile * one_.columns()) + Reader::room(in_window)));
    T* rows = pieces.take<T>(tile * one_.inner());
    auto* product = pieces.take<float>(tile * one_.columns());
    Reader reader(in_window, value, pieces);
    Writer writer(out_window, {state_.z<T>(one_.out), out_stride_, one_.out.channels}, product,
                  complete);
    for (std::int64_t row = share.begin * pixels; row < share.end * pixels; row += tile) {
      const std::int64_t count = std::min(tile, share.end * pixels - row);
      reader.read(row, count, rows);
      writer.write(row, count, [&](auto* into) {
        kernels::multiply(count, rows, weight_.template forward<T>(), into);
      });
    }
  }

  void written(int lane, const T* out, std::int64_t count) {
    if (batch_statistics_) moments_.add(lane, count, out, out_stride_);
  }

  void depthwise(int lane, Share share, int thread) {
    float* scratch = state_.scratch(thread, kernels::depthwise_scratch(window_));
    for (std::int64_t image = share.begin; image < share.end; ++image) {
      T* out = state_.z<T>(one_.out) + image * window_.out_pixels() * out_stride_;
      kernels::depthwise<T>().forward(
          window_, state_.z<T>(one_.in) + image * window_.in_pixels() * in_stride_, in_stride_,
          state_.affine(one_.in), weight_.taps, out, out_stride_, scratch);
      written(lane, out, window_.out_pixels());
    }
  }

  PassState& state_;
  const Operation& one_;
  const kernels::Window& window_;
  const Weight& weight_;
  bool batch_statistics_;
  int lanes_;
  LaneMoments moments_;
  std::int64_t in_stride_, out_stride_;
};

template <class T>
at::Tensor run_head(PassState& state, const Operation& one, const Weight& weight) {
  const std::int64_t channels = one.window.channels;
  const std::int64_t pixels = one.window.in_pixels();
  const std::int64_t stride = state.stride(one.in);
  const at::Tensor features = at::empty({state.images, channels}, at::kFloat);
  const at::Tensor logits = at::empty({state.images, one.out.channels}, at::kFloat);
  float* pooled = features.data_ptr<float>();
  state.pool().run(static_cast<int>(state.images), [&](int image, int) {
    kernels::rows<T>().average({pixels, channels}, state.z<T>(one.in) + image * pixels * stride,
                               stride, state.affine(one.in), pooled + image * channels);
  });
  kernels::multiply(state.images, pooled, weight.forward<float>(), logits.data_ptr<float>());
  const at::Tensor& bias = state.tensor(one.parts.front().layer).bias;
  if (bias.defined()) logits.add_(bias.detach());
  state.features[static_cast<std::size_t>(one.out.buffer)] = features;
  return logits;
}

template <class T>
at::Tensor run_tap(const PassState& state, const Operation& one) {
  const std::int64_t channels = one.in.channels;
  const kernels::Window& window = one.window;
  const at::Tensor values =
      at::empty({state.images, window.height, window.width, channels}, at::kFloat);
  float* to = values.data_ptr<float>();
  state.pool().run(static_cast<int>(state.images), [&](int image, int thread) {
    const std::int64_t pixels = window.in_pixels();
    float* into = to + image * pixels * channels;
    if constexpr (std::is_same_v<T, float>) {
      read_values(state, one, image * pixels, pixels, into);
    } else {
      BumpAllocator pieces(state.scratch(thread, BumpAllocator::room<T>(pixels * channels)));
      T* from = pieces.take<T>(pixels * channels);
      read_values(state, one, image * pixels, pixels, from);
      std::transform(from, from + pixels * channels, into,
                     [](T value) { return kernels::to_float(value); });
    }
  });
  return values.permute({0, 3, 1, 2});
}

template <class T>
std::vector<at::Tensor> run(PassState& state, const at::Tensor& images, const Done& done) {
  const Plan& plan = state.plan();
  state.maps = state.workspace->memory.borrow(BumpAllocator::room<T>(state.arena.size));
  take_images<T>(state, images.contiguous());
  std::vector<at::Tensor> results(static_cast<std::size_t>(plan.results));
  for (std::size_t i = 0; i < plan.operations.size(); ++i) {
    const Operation& one = plan.operations[i];
    const Timed timed(state, one, Way::forward);
    const auto result = static_cast<std::size_t>(one.out.buffer);
    if (one.kind == Kind::head) {
      results[result] = run_head<T>(state, one, state.weights[i]);
      if (done && done(one.out.buffer, results[result])) break;
    } else if (one.kind == Kind::tap) {
      results[result] = run_tap<T>(state, one);
    } else {
      Forward<T>(state, one, state.weights[i]).run();
    }
  }
  return results;
}

}  // namespace

std::vector<at::Tensor> forward(PassState& state, const at::Tensor& images, const Done& done) {
  if (!state.prepared || state.images != images.size(0)) {
    state.images = images.size(0);
    state.arena = place_buffers(state.plan(), state.images, state.setting.with_gradient);
  }
  state.features.assign(static_cast<std::size_t>(state.plan().results), {});
  if (!state.prepared) {
    start_coefficients(state);
    pack_weights(state);
  }
  return with_type(state, [&](auto type) { return run<decltype(type)>(state, images, done); });
}

void prepare(PassState& state) {
  start_coefficients(state);
  for (const Operation& one : state.plan().operations) {
    if (!one.gives_result()) use_constants(state, one);
  }
  pack_weights(state);
  state.prepared = true;
}

}  // namespace concertina::fused
