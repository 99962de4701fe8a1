// Depthwise convolution, one vector of channels at a time: the input's values go once into a padded
// plane of that vector, where every tap is one aligned load.
#include "concertina/kernels/convolution.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "depthwise.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

// Pixels of one vector of channels, dense.
struct Plane {
  float* pixels;
  std::int64_t width;

  HWY_INLINE float* at(std::int64_t y, std::int64_t x) const {
    return pixels + (y * width + x) * static_cast<std::int64_t>(hn::Lanes(Tag()));
  }
  HWY_INLINE Vec load(std::int64_t y, std::int64_t x) const { return hn::Load(Tag(), at(y, x)); }
  HWY_INLINE void store(std::int64_t y, std::int64_t x, Vec value) const {
    hn::Store(value, Tag(), at(y, x));
  }
  HWY_INLINE void clear(std::int64_t height) const {
    const Vec zero = hn::Zero(Tag());
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) store(y, x, zero);
    }
  }
};

// The values of z in the middle of a plane of zeros.
template <class Part>
HWY_INLINE void fill_values(const Window& window, const Part& part, const float* z,
                            std::int64_t z_stride, const Affine& affine, std::int64_t c,
                            const Plane& plane) {
  const Tag d;
  const Vec scale = part.load(affine.scale + c);
  const Vec shift = part.load(affine.shift + c);
  const Vec low = hn::Set(d, affine.low);
  const Vec high = hn::Set(d, affine.high);
  for (std::int64_t y = 0; y < window.height; ++y) {
    for (std::int64_t x = 0; x < window.width; ++x) {
      const Vec value =
          hn::MulAdd(part.load(z + (y * window.width + x) * z_stride + c), scale, shift);
      plane.store(y + window.padding, x + window.padding, hn::Min(high, hn::Max(low, value)));
    }
  }
}

// out[y, x] = sum over taps of plane[y * kStride + ky, x * kStride + kx] * weight[ky, kx], four
// pixels at a time where there are four.
template <int kKernel, int kStride, int kPixels, class Store>
HWY_INLINE void correlate_row(const Plane& plane, const Vec* weight, std::int64_t y, std::int64_t x,
                              const Store& store) {
  Vec sum[kPixels];
  for (int i = 0; i < kPixels; ++i) sum[i] = hn::Zero(Tag());
  for (int ky = 0; ky < kKernel; ++ky) {
    for (int j = 0; j < (kPixels - 1) * kStride + kKernel; ++j) {
      const Vec value = plane.load(y * kStride + ky, x * kStride + j);
      for (int i = 0; i < kPixels; ++i) {
        const int kx = j - i * kStride;
        if (kx >= 0 && kx < kKernel) {
          sum[i] = hn::MulAdd(value, weight[ky * kKernel + kx], sum[i]);
        }
      }
    }
  }
  for (int i = 0; i < kPixels; ++i) store(y, x + i, sum[i]);
}

template <int kKernel, int kStride, class Store>
HWY_INLINE void correlate(const Plane& plane, const Vec* weight, std::int64_t height,
                          std::int64_t width, const Store& store) {
  for (std::int64_t y = 0; y < height; ++y) {
    std::int64_t x = 0;
    for (; x + 4 <= width; x += 4) correlate_row<kKernel, kStride, 4>(plane, weight, y, x, store);
    for (; x < width; ++x) correlate_row<kKernel, kStride, 1>(plane, weight, y, x, store);
  }
}

// Any kernel and stride.
template <class Store>
HWY_INLINE void correlate_any(const Plane& plane, const float* weight, std::int64_t kernel,
                              std::int64_t stride, std::int64_t height, std::int64_t width,
                              const Store& store) {
  const Tag d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      Vec sum = hn::Zero(d);
      for (std::int64_t tap = 0; tap < kernel * kernel; ++tap) {
        const Vec value = plane.load(y * stride + tap / kernel, x * stride + tap % kernel);
        sum = hn::MulAdd(value, hn::Load(d, weight + tap * lanes), sum);
      }
      store(y, x, sum);
    }
  }
}

// `weight`: [taps] vectors, dense.
template <class Store>
HWY_INLINE void correlate_with(const Plane& plane, const float* weight, std::int64_t kernel,
                               std::int64_t stride, std::int64_t height, std::int64_t width,
                               const Store& store) {
  const Tag d;
  if (kernel != 3 || stride > 2) {
    correlate_any(plane, weight, kernel, stride, height, width, store);
    return;
  }
  Vec taps[9];
  for (std::size_t tap = 0; tap < 9; ++tap) taps[tap] = hn::Load(d, weight + tap * hn::Lanes(d));
  if (stride == 1) {
    correlate<3, 1>(plane, taps, height, width, store);
  } else {
    correlate<3, 2>(plane, taps, height, width, store);
  }
}

// What the planes of one vector of channels need, one behind the other in the scratch.
struct Scratch {
  Plane values;    // padded input
  Plane gradient;  // of the output, spread out by the stride, with kernel - 1 - padding around
  float* weight;   // [taps] vectors
};

HWY_INLINE Scratch layout(const Window& window, float* scratch) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  const std::int64_t spread_width = window.width + window.kernel - 1;
  const std::int64_t spread_height = window.height + window.kernel - 1;
  Scratch place{};
  place.values = {scratch, window.width + 2 * window.padding};
  scratch += window.padded_pixels() * lanes;
  place.gradient = {scratch, spread_width};
  place.weight = scratch + spread_height * spread_width * lanes;
  return place;
}

void depthwise(const Window& window, const float* z, std::int64_t z_stride, const Affine& affine,
               const float* weight, float* out, std::int64_t out_stride, float* scratch) {
  const Tag d;
  const Scratch place = layout(window, scratch);
  place.values.clear(window.height + 2 * window.padding);
  for_channels(window.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    fill_values(window, part, z, z_stride, affine, c, place.values);
    for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
      hn::Store(part.load(weight + tap * window.channels + c), d,
                place.weight + tap * static_cast<std::int64_t>(hn::Lanes(d)));
    }
    correlate_with(place.values, place.weight, window.kernel, window.stride, window.out_height,
                   window.out_width, [&](std::int64_t y, std::int64_t x, Vec sum) HWY_ATTR {
                     part.store(sum, out + (y * window.out_width + x) * out_stride + c);
                   });
  });
}

// Adds to each tap's gradient the sum over pixels of dz times the value that the tap saw.
template <class Part>
HWY_INLINE void weight_sums(const Window& window, const Part& part, const Scratch& place,
                            const float* dz, std::int64_t dz_stride, std::int64_t c,
                            float* weight_gradient) {
  for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
    Vec sum = hn::Zero(Tag());
    for (std::int64_t y = 0; y < window.out_height; ++y) {
      for (std::int64_t x = 0; x < window.out_width; ++x) {
        const Vec value = place.values.load(y * window.stride + tap / window.kernel,
                                            x * window.stride + tap % window.kernel);
        sum = hn::MulAdd(value, part.load(dz + (y * window.out_width + x) * dz_stride + c), sum);
      }
    }
    float* to = weight_gradient + tap * window.channels + c;
    part.store(hn::Add(part.load(to), sum), to);
  }
}

// The same with the nine taps in registers.
template <int kStride, class Part>
HWY_INLINE void weight_sums_3x3(const Window& window, const Part& part, const Scratch& place,
                                const float* dz, std::int64_t dz_stride, std::int64_t c,
                                float* weight_gradient) {
  Vec sums[9];
  for (auto& sum : sums) sum = hn::Zero(Tag());
  for (std::int64_t y = 0; y < window.out_height; ++y) {
    for (std::int64_t x = 0; x < window.out_width; ++x) {
      const Vec gradient = part.load(dz + (y * window.out_width + x) * dz_stride + c);
      for (int tap = 0; tap < 9; ++tap) {
        const Vec value = place.values.load(y * kStride + tap / 3, x * kStride + tap % 3);
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
HWY_INLINE void add_weight_gradient(const Window& window, const Part& part, const Scratch& place,
                                    const float* dz, std::int64_t dz_stride, std::int64_t c,
                                    float* into) {
  if (window.kernel == 3 && window.stride == 1) {
    weight_sums_3x3<1>(window, part, place, dz, dz_stride, c, into);
  } else if (window.kernel == 3 && window.stride == 2) {
    weight_sums_3x3<2>(window, part, place, dz, dz_stride, c, into);
  } else {
    weight_sums(window, part, place, dz, dz_stride, c, into);
  }
}

// A correlation of the spread-out gradient with the filter turned round.
template <class Part>
HWY_INLINE void input_gradient(const Window& window, const Part& part, const Scratch& place,
                               const float* weight, const float* dz, std::int64_t dz_stride,
                               std::int64_t c, const DepthwiseGradients& into) {
  const Tag d;
  const std::int64_t around = window.kernel - 1 - window.padding;
  for (std::int64_t y = 0; y < window.out_height; ++y) {
    for (std::int64_t x = 0; x < window.out_width; ++x) {
      place.gradient.store(y * window.stride + around, x * window.stride + around,
                           part.load(dz + (y * window.out_width + x) * dz_stride + c));
    }
  }
  const std::int64_t taps = window.taps();
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    hn::Store(part.load(weight + (taps - 1 - tap) * window.channels + c), d,
              place.weight + tap * static_cast<std::int64_t>(hn::Lanes(d)));
  }
  correlate_with(place.gradient, place.weight, window.kernel, 1, window.height, window.width,
                 [&](std::int64_t y, std::int64_t x, Vec sum) HWY_ATTR {
                   float* to = into.in_gradient + (y * window.width + x) * into.in_stride + c;
                   part.store(into.accumulate ? hn::Add(part.load(to), sum) : sum, to);
                 });
}

void depthwise_gradient(const Window& window, const float* z, std::int64_t z_stride,
                        const Affine& affine, const float* weight, const float* dz,
                        std::int64_t dz_stride, const DepthwiseGradients& into, float* scratch) {
  const Scratch place = layout(window, scratch);
  place.values.clear(window.height + 2 * window.padding);
  place.gradient.clear(window.height + window.kernel - 1);
  for_channels(window.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    fill_values(window, part, z, z_stride, affine, c, place.values);
    add_weight_gradient(window, part, place, dz, dz_stride, c, into.weight_gradient);
    if (into.in_gradient == nullptr) return;
    input_gradient(window, part, place, weight, dz, dz_stride, c, into);
  });
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace concertina::kernels {

HWY_EXPORT(depthwise);
HWY_EXPORT(depthwise_gradient);

std::int64_t depthwise_scratch(const Window& window) {
  const std::int64_t spread =
      (window.height + window.kernel - 1) * (window.width + window.kernel - 1);
  return 16 * (window.padded_pixels() + spread + window.taps());
}

void depthwise(const Window& window, const float* z, std::int64_t z_stride, const Affine& affine,
               const float* weight, float* out, std::int64_t out_stride, float* scratch) {
  HWY_DYNAMIC_DISPATCH(depthwise)
  (window, z, z_stride, affine, weight, out, out_stride, scratch);
}

void depthwise_gradient(const Window& window, const float* z, std::int64_t z_stride,
                        const Affine& affine, const float* weight, const float* dz,
                        std::int64_t dz_stride, const DepthwiseGradients& into, float* scratch) {
  HWY_DYNAMIC_DISPATCH(depthwise_gradient)
  (window, z, z_stride, affine, weight, dz, dz_stride, into, scratch);
}

}  // namespace concertina::kernels
#endif  // HWY_ONCE
