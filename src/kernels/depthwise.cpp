// Depthwise convolution, one vector of channels at a time: the input's values go once into a padded
// plane of that vector (planes.h).
#include <algorithm>
#include <type_traits>

#include "concertina/kernels/convolution.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "depthwise.cpp"
#include <hwy/foreach_target.h>

#include "planes.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

// What one vector of channels needs, one behind the other in the scratch.
template <class D>
struct Scratch {
  Scratch(const Window& window, float* scratch) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
    values = {scratch, window.width + 2 * window.padding};
    scratch += window.padded_pixels() * lanes;
    by_two = window.kernel == 3 && window.stride == 2;
    gradient = {scratch, by_two ? window.out_width + 2 : window.width + window.kernel - 1};
    gradient_height = by_two ? window.out_height + 2 : window.height + window.kernel - 1;
    weight = scratch + gradient_height * gradient.width * lanes;
  }

  // Of the output's gradient in its plane: pixels from one to the next, and before the first.
  std::int64_t apart(const Window& window) const { return by_two ? 1 : window.stride; }
  std::int64_t around(const Window& window) const {
    return by_two ? 1 : window.kernel - 1 - window.padding;
  }

  Plane<D> values;    // padded input
  Plane<D> gradient;  // of the output: by_two with one zero around, else spread out by the stride
                      // with kernel - 1 - padding around
  std::int64_t gradient_height;
  bool by_two;    // transposed_3x3_by_2() gives the input's gradient
  float* weight;  // [taps] vectors
};

// The values of z in the middle of a plane of zeros.
template <class Part, class T>
HWY_INLINE void fill_values(const Window& window, const Part& part, const T* z,
                            std::int64_t z_stride, const Affine& affine, std::int64_t c,
                            const Plane<typename Part::Tag>& plane) {
  const typename Part::Tag d;
  const auto scale = part.load(affine.scale + c);
  const auto shift = part.load(affine.shift + c);
  const auto low = hn::Set(d, affine.low);
  const auto high = hn::Set(d, affine.high);
  const T* pixel = z + c;
  const std::int64_t lanes = plane.lanes();
  const std::int64_t width = window.width;
  for (std::int64_t y = 0; y < window.height; ++y) {
    float* to = plane.at(y + window.padding, window.padding);
    for (std::int64_t x = 0; x < width; ++x, pixel += z_stride, to += lanes) {
      const auto value = hn::MulAdd(part.load(pixel), scale, shift);
      hn::Store(hn::Min(high, hn::Max(low, value)), d, to);
    }
  }
}

// The taps of the channels from c on; turned round, or not.
template <class Part>
HWY_INLINE void take_weight(const Window& window, const Part& part, const float* weight,
                            std::int64_t c, bool turned, float* into) {
  const typename Part::Tag d;
  const std::int64_t taps = window.taps();
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    const std::int64_t from = turned ? taps - 1 - tap : tap;
    hn::Store(part.load(weight + from * window.channels + c), d,
              into + tap * static_cast<std::int64_t>(hn::Lanes(d)));
  }
}

// The zeros around the values, which stay where they are for parts of one kind.
template <class D>
HWY_INLINE void clear_once(const Window& window, const Scratch<D>& place, bool with_gradient,
                           std::int64_t& cleared_lanes) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  if (cleared_lanes == lanes) return;
  cleared_lanes = lanes;
  place.values.clear(window.height + 2 * window.padding);
  if (with_gradient) place.gradient.clear(place.gradient_height);
}

template <class T>
void forward(const Window& window, const T* z, std::int64_t z_stride, const Affine& affine,
             const float* weight, T* out, std::int64_t out_stride, float* scratch) {
  std::int64_t cleared_lanes = 0;
  for_channels<1>(window.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    using Part = std::decay_t<decltype(part)>;
    const Scratch<typename Part::Tag> place(window, scratch);
    clear_once(window, place, false, cleared_lanes);
    fill_values(window, part, z, z_stride, affine, c, place.values);
    take_weight(window, part, weight, c, false, place.weight);
    const std::int64_t width = window.out_width;
    T* to = out + c;
    correlate_with(place.values, place.weight, window.kernel, window.stride, window.out_height,
                   width, [=](std::int64_t y, std::int64_t x, typename Part::Vec sum) HWY_ATTR {
                     part.store(sum, to + (y * width + x) * out_stride);
                   });
  });
}

// The output's gradient into its plane.
template <class Part, class T>
HWY_INLINE void fill_gradient(const Window& window, const Part& part, const T* dz,
                              std::int64_t dz_stride, std::int64_t c,
                              const Scratch<typename Part::Tag>& place) {
  const std::int64_t apart = place.apart(window);
  const std::int64_t around = place.around(window);
  const T* pixel = dz + c;
  const std::int64_t step = apart * place.gradient.lanes();
  const std::int64_t width = window.out_width;
  for (std::int64_t y = 0; y < window.out_height; ++y) {
    float* to = place.gradient.at(y * apart + around, around);
    for (std::int64_t x = 0; x < width; ++x, pixel += dz_stride, to += step) {
      hn::Store(part.load(pixel), typename Part::Tag(), to);
    }
  }
}

template <class D>
HWY_INLINE hn::Vec<D> gradient_at(const Window& window, const Scratch<D>& place, std::int64_t y,
                                  std::int64_t x) {
  const std::int64_t apart = place.apart(window);
  const std::int64_t around = place.around(window);
  return place.gradient.load(y * apart + around, x * apart + around);
}

// Adds to each tap's gradient the sum over pixels of dz times the value that the tap saw.
template <class Part>
HWY_INLINE void add_weight_sums(const Window& window, const Part& part,
                                const Scratch<typename Part::Tag>& place, std::int64_t c,
                                float* weight_gradient) {
  using D = typename Part::Tag;
  for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
    auto sum = hn::Zero(D());
    for (std::int64_t y = 0; y < window.out_height; ++y) {
      for (std::int64_t x = 0; x < window.out_width; ++x) {
        const auto value = place.values.load(y * window.stride + tap / window.kernel,
                                             x * window.stride + tap % window.kernel);
        sum = hn::MulAdd(value, gradient_at(window, place, y, x), sum);
      }
    }
    float* to = weight_gradient + tap * window.channels + c;
    part.store(hn::Add(part.load(to), sum), to);
  }
}

// The same with the nine taps in registers.
template <int kStride, class Part>
HWY_INLINE void add_weight_sums_3x3(const Window& window, const Part& part,
                                    const Scratch<typename Part::Tag>& place, std::int64_t c,
                                    float* weight_gradient) {
  using D = typename Part::Tag;
  const std::int64_t apart = place.apart(window);
  const std::int64_t around = place.around(window);
  hn::Vec<D> sums[9];
  for (auto& sum : sums) sum = hn::Zero(D());
  const std::int64_t lanes = place.values.lanes();
  const std::int64_t line = place.values.width * lanes;
  const std::int64_t step = apart * lanes;
  const std::int64_t width = window.out_width;
  for (std::int64_t y = 0; y < window.out_height; ++y) {
    const float* gradient_here = place.gradient.at(y * apart + around, around);
    const float* values = place.values.at(y * kStride, 0);
    for (std::int64_t x = 0; x < width; ++x, gradient_here += step, values += kStride * lanes) {
      const auto gradient = hn::Load(D(), gradient_here);
      for (int tap = 0; tap < 9; ++tap) {
        const auto value = hn::Load(D(), values + tap / 3 * line + tap % 3 * lanes);
        sums[tap] = hn::MulAdd(value, gradient, sums[tap]);
      }
    }
  }
  for (std::int64_t tap = 0; tap < 9; ++tap) {
    float* to = weight_gradient + tap * window.channels + c;
    part.store(hn::Add(part.load(to), sums[tap]), to);
  }
}

template <class Part>
HWY_INLINE void add_weight_gradient(const Window& window, const Part& part,
                                    const Scratch<typename Part::Tag>& place, std::int64_t c,
                                    float* into) {
  if (window.kernel == 3 && window.stride == 1) {
    add_weight_sums_3x3<1>(window, part, place, c, into);
  } else if (place.by_two) {
    add_weight_sums_3x3<2>(window, part, place, c, into);
  } else {
    add_weight_sums(window, part, place, c, into);
  }
}

// A correlation of the spread-out gradient with the filter turned round, or its shorter form.
template <class Part, class T>
HWY_INLINE void input_gradient(const Window& window, const Part& part,
                               const Scratch<typename Part::Tag>& place, const float* weight,
                               std::int64_t c, const DepthwiseGradients<T>& into) {
  T* const first = into.in_gradient + c;
  const bool accumulate = into.accumulate;
  const std::int64_t stride = into.in_stride;
  const std::int64_t height = window.height;
  const std::int64_t width = window.width;
  const auto put = [=](std::int64_t y, std::int64_t x, typename Part::Vec sum) HWY_ATTR {
    T* to = first + (y * width + x) * stride;
    part.store(accumulate ? hn::Add(part.load(to), sum) : sum, to);
  };
  take_weight(window, part, weight, c, !place.by_two, place.weight);
  if (!place.by_two) {
    correlate_with(place.gradient, place.weight, window.kernel, 1, height, width, put);
    return;
  }
  const std::int64_t padding = window.padding;
  transposed_3x3_by_2(place.gradient, place.weight, window.out_height, window.out_width,
                      [=](std::int64_t y, std::int64_t x, typename Part::Vec sum) HWY_ATTR {
                        y -= padding;
                        x -= padding;
                        if (y >= 0 && x >= 0 && y < height && x < width) put(y, x, sum);
                      });
}

template <class T>
void backward(const Window& window, const T* z, std::int64_t z_stride, const Affine& affine,
              const float* weight, const T* dz, std::int64_t dz_stride,
              const DepthwiseGradients<T>& into, float* scratch) {
  std::int64_t cleared_lanes = 0;
  for_channels<1>(window.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    using Part = std::decay_t<decltype(part)>;
    const Scratch<typename Part::Tag> place(window, scratch);
    clear_once(window, place, true, cleared_lanes);
    fill_values(window, part, z, z_stride, affine, c, place.values);
    fill_gradient(window, part, dz, dz_stride, c, place);
    add_weight_gradient(window, part, place, c, into.weight_gradient);
    if (into.in_gradient != nullptr) input_gradient(window, part, place, weight, c, into);
  });
}

DepthwiseKernels<float> float_depthwise() { return {&forward<float>, &backward<float>}; }
DepthwiseKernels<BFloat16> half_depthwise() { return {&forward<BFloat16>, &backward<BFloat16>}; }

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace concertina::kernels {

HWY_EXPORT(float_depthwise);
HWY_EXPORT(half_depthwise);

template <>
const DepthwiseKernels<float>& depthwise<float>() {
  static const DepthwiseKernels<float> kernels = HWY_DYNAMIC_DISPATCH(float_depthwise)();
  return kernels;
}

template <>
const DepthwiseKernels<BFloat16>& depthwise<BFloat16>() {
  static const DepthwiseKernels<BFloat16> kernels = HWY_DYNAMIC_DISPATCH(half_depthwise)();
  return kernels;
}

std::int64_t depthwise_scratch(const Window& window) {
  const std::int64_t spread =
      (window.height + window.kernel - 1) * (window.width + window.kernel - 1);
  const std::int64_t around = (window.out_height + 2) * (window.out_width + 2);
  return 16 * (window.padded_pixels() + std::max(spread, around) + window.taps());
}

}  // namespace concertina::kernels
#endif  // HWY_ONCE
