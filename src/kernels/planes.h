// Correlations over planes: the pixels of one vector of channels, dense, with zeros around, where
// every tap is one aligned load. For depthwise.cpp, once per instruction set (see vectors.h).
#if defined(CONCERTINA_KERNELS_PLANES_H) == defined(HWY_TARGET_TOGGLE)
#ifdef CONCERTINA_KERNELS_PLANES_H
#undef CONCERTINA_KERNELS_PLANES_H
#else
#define CONCERTINA_KERNELS_PLANES_H
#endif

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

template <class D>
struct Plane {
  using Vec = hn::Vec<D>;
  float* pixels;
  std::int64_t width;

  HWY_INLINE std::int64_t lanes() const { return static_cast<std::int64_t>(hn::Lanes(D())); }
  HWY_INLINE float* at(std::int64_t y, std::int64_t x) const {
    return pixels + (y * width + x) * lanes();
  }
  HWY_INLINE Vec load(std::int64_t y, std::int64_t x) const { return hn::Load(D(), at(y, x)); }
  HWY_INLINE void store(std::int64_t y, std::int64_t x, Vec value) const {
    hn::Store(value, D(), at(y, x));
  }
  HWY_INLINE void clear(std::int64_t height) const {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) store(y, x, hn::Zero(D()));
    }
  }
};

// sum over taps of plane[y * kStride + ky, x * kStride + kx] * weight[ky, kx], for kPixels outputs
// from x on.
template <int kKernel, int kStride, int kPixels, class D, class Store>
HWY_INLINE void correlate_row(const Plane<D>& plane, const hn::Vec<D>* weight, std::int64_t y,
                              std::int64_t x, const Store& store) {
  hn::Vec<D> sum[kPixels];
  for (int i = 0; i < kPixels; ++i) sum[i] = hn::Zero(D());
  for (int ky = 0; ky < kKernel; ++ky) {
    for (int j = 0; j < (kPixels - 1) * kStride + kKernel; ++j) {
      const auto value = plane.load(y * kStride + ky, x * kStride + j);
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

template <int kKernel, int kStride, class D, class Store>
HWY_INLINE void correlate(const Plane<D>& plane, const hn::Vec<D>* weight, std::int64_t height,
                          std::int64_t width, const Store& store) {
  for (std::int64_t y = 0; y < height; ++y) {
    std::int64_t x = 0;
    for (; x + 4 <= width; x += 4) correlate_row<kKernel, kStride, 4>(plane, weight, y, x, store);
    for (; x < width; ++x) correlate_row<kKernel, kStride, 1>(plane, weight, y, x, store);
  }
}

// Any kernel and stride.
template <class D, class Store>
HWY_INLINE void correlate_any(const Plane<D>& plane, const float* weight, std::int64_t kernel,
                              std::int64_t stride, std::int64_t height, std::int64_t width,
                              const Store& store) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(D()));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      auto sum = hn::Zero(D());
      for (std::int64_t tap = 0; tap < kernel * kernel; ++tap) {
        const auto value = plane.load(y * stride + tap / kernel, x * stride + tap % kernel);
        sum = hn::MulAdd(value, hn::Load(D(), weight + tap * lanes), sum);
      }
      store(y, x, sum);
    }
  }
}

template <class D>
struct NineTaps {
  explicit NineTaps(const float* weight) {
    for (std::size_t tap = 0; tap < 9; ++tap) {
      at[tap] = hn::Load(D(), weight + tap * hn::Lanes(D()));
    }
  }
  hn::Vec<D> at[9];
};

// Calls store(y, x, sum over taps) for every output. `weight`: [taps] vectors, dense.
template <class D, class Store>
HWY_INLINE void correlate_with(const Plane<D>& plane, const float* weight, std::int64_t kernel,
                               std::int64_t stride, std::int64_t height, std::int64_t width,
                               const Store& store) {
  if (kernel == 3 && stride == 1) {
    correlate<3, 1>(plane, NineTaps<D>(weight).at, height, width, store);
  } else if (kernel == 3 && stride == 2) {
    correlate<3, 2>(plane, NineTaps<D>(weight).at, height, width, store);
  } else {
    correlate_any(plane, weight, kernel, stride, height, width, store);
  }
}

// The backward pass of a 3x3 correlation of stride 2. `plane`: [height + 2, width + 2], the
// outputs' gradients with one zero around. Calls store(y, x, gradient) for the padded inputs of the
// rows 0..2 height + 1 and the columns likewise.
template <class D, class Store>
HWY_INLINE void transposed_3x3_by_2(const Plane<D>& plane, const float* weight, std::int64_t height,
                                    std::int64_t width, const Store& store) {
  const NineTaps<D> taps(weight);
  const auto* w = taps.at;
  for (std::int64_t y = 0; y <= height; ++y) {
    for (std::int64_t x = 0; x <= width; ++x) {
      const auto here = plane.load(y + 1, x + 1);
      const auto left = plane.load(y + 1, x);
      const auto above = plane.load(y, x + 1);
      const auto both = plane.load(y, x);
      const auto even = hn::MulAdd(here, w[0], hn::Mul(left, w[2]));
      store(2 * y, 2 * x, hn::MulAdd(above, w[6], hn::MulAdd(both, w[8], even)));
      store(2 * y, 2 * x + 1, hn::MulAdd(here, w[1], hn::Mul(above, w[7])));
      store(2 * y + 1, 2 * x, hn::MulAdd(here, w[3], hn::Mul(left, w[5])));
      store(2 * y + 1, 2 * x + 1, hn::Mul(here, w[4]));
    }
  }
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // once per instruction set
