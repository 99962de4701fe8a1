// What is done to every row of a feature map around the matrix products: normalization and
// activation on load, batch statistics and backward reductions on store. A map is [rows, channels]
// of T (float or BFloat16), a row every `stride` elements (rows are images x height x width; a map
// may be a slice of the channels of a wider one). Source of the formulas: Ioffe and Szegedy 2015;
// docs/methods.md, Fused passes. Vectorized with Highway for the processor it runs on; the *_plain
// twins are what the tests compare with.
#pragma once

#include <cstdint>

#include "concertina/kernels/bfloat16.h"

namespace concertina::kernels {

struct Extent {
  std::int64_t rows, channels;
};

// A convolution's stored output z, and what its reader makes of it:
//   value = min(max(z * scale[c] + shift[c], low), high)
// The gradient passes where low < value < high.
struct Affine {
  const float* scale;
  const float* shift;
  float low, high;
};

// Of each channel over `count` rows: the mean, and the sum of squared differences from it.
struct Moments {
  std::int64_t count;
  double* mean;
  double* squares;
};
void merge_moments(std::int64_t channels, const Moments& from, Moments& into);

// The gradient of the loss in z, from the gradient g in the value:
//   dz = direct[c] * g (where it passes) + linear[c] * z + constant[c]
struct NormGradient {
  const float* direct;
  const float* linear;
  const float* constant;
};

// Sum of g and sum of g * (z - mean[c]), where g passes, of each channel.
struct GradientSums {
  double* direct;
  double* centered;
};

template <class T>
struct RowKernels {
  // out = value of z.
  void (*activate)(Extent extent, const T* z, std::int64_t z_stride, const Affine& affine, T* out,
                   std::int64_t out_stride);
  // Adds rows to what is there. Differences are taken from the first row, so that a mean that is
  // far from zero costs no accuracy.
  void (*add_moments)(Extent extent, const T* z, std::int64_t z_stride, Moments& into);
  void (*norm_gradient)(Extent extent, const T* z, std::int64_t z_stride, const T* g,
                        std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                        T* out, std::int64_t out_stride);
  // Adds rows to what is there.
  void (*add_gradient_sums)(Extent extent, const T* z, std::int64_t z_stride, const T* g,
                            std::int64_t g_stride, const Affine& affine, const float* mean,
                            const GradientSums& into);
  // to = from, or to += from; from is dense.
  void (*store)(Extent extent, const float* from, bool accumulate, T* to, std::int64_t to_stride);
  // mean[c] = mean over the rows of the value of z.
  void (*average)(Extent extent, const T* z, std::int64_t z_stride, const Affine& affine,
                  float* mean);
  // Its backward pass: g = mean_gradient[c] / rows, or g += that.
  void (*spread)(Extent extent, const float* mean_gradient, bool accumulate, T* g,
                 std::int64_t g_stride);
};

// Those of this processor.
template <class T>
const RowKernels<T>& rows();
template <>
const RowKernels<float>& rows<float>();
template <>
const RowKernels<BFloat16>& rows<BFloat16>();

void activate_plain(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
                    float* out, std::int64_t out_stride);
void add_moments_plain(Extent extent, const float* z, std::int64_t z_stride, Moments& into);
void norm_gradient_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                         std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                         float* out, std::int64_t out_stride);
void add_gradient_sums_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                             std::int64_t g_stride, const Affine& affine, const float* mean,
                             const GradientSums& into);
void store_plain(Extent extent, const float* from, bool accumulate, float* to,
                 std::int64_t to_stride);
void average_plain(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
                   float* mean);
void spread_plain(Extent extent, const float* mean_gradient, bool accumulate, float* g,
                  std::int64_t g_stride);

}  // namespace concertina::kernels
