// What is done to every row of a feature map around the matrix products: normalisation and
// activation on load, batch statistics and backward reductions on store. A map is [rows, channels]
// float32, a row every `stride` floats (rows are images x height x width; a map may be a slice of
// the channels of a wider one). Source of the formulas: Ioffe and Szegedy 2015; docs/methods.md,
// Fused passes. Vectorised with Highway for the processor it runs on; the *_plain twins are what
// the tests compare with.
#pragma once

#include <cstdint>

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

// out = value of z.
void activate(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
              float* out, std::int64_t out_stride);

// Of each channel over `count` rows: the mean, and the sum of squared differences from it.
struct Moments {
  std::int64_t count;
  double* mean;
  double* squares;
};
// Adds rows to what is there. Differences are taken from the first row, so that a mean that is far
// from zero costs no accuracy.
void add_moments(Extent extent, const float* z, std::int64_t z_stride, Moments& into);
void merge_moments(std::int64_t channels, const Moments& from, Moments& into);

// The gradient of the loss in z, from the gradient g in the value:
//   dz = direct[c] * g (where it passes) + linear[c] * z + constant[c]
struct NormGradient {
  const float* direct;
  const float* linear;
  const float* constant;
};
void norm_gradient(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                   std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                   float* out, std::int64_t out_stride);

// Adds sum of g and sum of g * (z - mean[c]), where g passes, to each channel's.
struct GradientSums {
  double* direct;
  double* centred;
};
void add_gradient_sums(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                       std::int64_t g_stride, const Affine& affine, const float* mean,
                       const GradientSums& into);

void activate_plain(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
                    float* out, std::int64_t out_stride);
void add_moments_plain(Extent extent, const float* z, std::int64_t z_stride, Moments& into);
void norm_gradient_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                         std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                         float* out, std::int64_t out_stride);
void add_gradient_sums_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                             std::int64_t g_stride, const Affine& affine, const float* mean,
                             const GradientSums& into);

}  // namespace concertina::kernels
