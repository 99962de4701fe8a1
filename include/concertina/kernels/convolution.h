// Convolutions of one image, around the matrix products: a depthwise one as a whole, any other by
// patches (im2col). Maps are [height, width, channels] float32, a pixel every `stride` floats;
// `padded` maps are dense, with the padding's zeros around: [height + 2 padding, width + 2 padding,
// channels]. Source: docs/methods.md, Fused passes. The *_plain twins are what the tests compare
// with.
#pragma once

#include <cstdint>

#include "concertina/kernels/rows.h"

namespace concertina::kernels {

struct Window {
  std::int64_t channels;
  std::int64_t height, width;            // of the input, pixels
  std::int64_t out_height, out_width;    // (height + 2 padding - kernel) / stride + 1
  std::int64_t kernel, stride, padding;  // square, pixels; padding < kernel

  std::int64_t taps() const { return kernel * kernel; }
  std::int64_t in_pixels() const { return height * width; }
  std::int64_t out_pixels() const { return out_height * out_width; }
  std::int64_t padded_pixels() const { return (height + 2 * padding) * (width + 2 * padding); }
};

// The values of z with zeros around.
void pad(const Window& window, const float* z, std::int64_t z_stride, const Affine& affine,
         float* padded);

// Output pixels begin..end-1 as rows [kernel, kernel, channels] of what they see.
void gather_patches(const Window& window, const float* padded, std::int64_t begin, std::int64_t end,
                    float* patches);
// Adds such rows back to where they came from.
void scatter_patches(const Window& window, const float* patches, std::int64_t begin,
                     std::int64_t end, float* padded);
// out = the inside of a padded map, or out += it.
void unpad(const Window& window, const float* padded, bool accumulate, float* out,
           std::int64_t out_stride);

// Floats that depthwise() and depthwise_gradient() need to work in.
std::int64_t depthwise_scratch(const Window& window);

// One filter [kernel, kernel] a channel; weight: [kernel, kernel, channels].
void depthwise(const Window& window, const float* z, std::int64_t z_stride, const Affine& affine,
               const float* weight, float* out, std::int64_t out_stride, float* scratch);

// From dz, the gradient in the output: in_gradient = (or +=, if accumulate) the gradient in the
// input's values, and weight_gradient += that in the weight. in_gradient may be null.
struct DepthwiseGradients {
  float* in_gradient;
  std::int64_t in_stride;
  bool accumulate;
  float* weight_gradient;  // [kernel, kernel, channels]
};
void depthwise_gradient(const Window& window, const float* z, std::int64_t z_stride,
                        const Affine& affine, const float* weight, const float* dz,
                        std::int64_t dz_stride, const DepthwiseGradients& into, float* scratch);

void depthwise_plain(const Window& window, const float* z, std::int64_t z_stride,
                     const Affine& affine, const float* weight, float* out,
                     std::int64_t out_stride);
void depthwise_gradient_plain(const Window& window, const float* z, std::int64_t z_stride,
                              const Affine& affine, const float* weight, const float* dz,
                              std::int64_t dz_stride, const DepthwiseGradients& into);

}  // namespace concertina::kernels
