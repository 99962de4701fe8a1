// Convolutions of one image, around the matrix products: a depthwise one as a whole, any other by
// patches (im2col). Maps are [height, width, channels] of T, a pixel every `stride` elements;
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
  std::int64_t padded_width() const { return width + 2 * padding; }
  std::int64_t padded_pixels() const { return (height + 2 * padding) * padded_width(); }
  // Where a row of the map begins in the padded one.
  std::int64_t inside(std::int64_t y) const {
    return ((padding + y) * padded_width() + padding) * channels;
  }
};

// Output pixels begin..end-1 as rows [kernel, kernel, channels] of what they see. T: float or
// BFloat16.
template <class T>
void gather_patches(const Window& window, const T* padded, std::int64_t begin, std::int64_t end,
                    T* patches);
// The backward pass, of all output pixels: out = what such rows say about each pixel of the map,
// added up, or out += it.
template <class T>
void sum_patches(const Window& window, const float* patches, bool accumulate, T* out,
                 std::int64_t out_stride);
template <>
void sum_patches(const Window& window, const float* patches, bool accumulate, float* out,
                 std::int64_t out_stride);
template <>
void sum_patches(const Window& window, const float* patches, bool accumulate, BFloat16* out,
                 std::int64_t out_stride);

// From dz, the gradient in the output: in_gradient = (or +=, if accumulate) the gradient in the
// input's values, and weight_gradient += that in the weight. in_gradient may be null.
template <class T>
struct DepthwiseGradients {
  T* in_gradient;
  std::int64_t in_stride;
  bool accumulate;
  float* weight_gradient;  // [kernel, kernel, channels]
};

// One filter [kernel, kernel] a channel; weight: [kernel, kernel, channels]. `scratch` is at a
// multiple of 64 bytes.
template <class T>
struct DepthwiseKernels {
  void (*forward)(const Window& window, const T* z, std::int64_t z_stride, const Affine& affine,
                  const float* weight, T* out, std::int64_t out_stride, float* scratch);
  void (*backward)(const Window& window, const T* z, std::int64_t z_stride, const Affine& affine,
                   const float* weight, const T* dz, std::int64_t dz_stride,
                   const DepthwiseGradients<T>& into, float* scratch);
};

// Those of this processor.
template <class T>
const DepthwiseKernels<T>& depthwise();
template <>
const DepthwiseKernels<float>& depthwise<float>();
template <>
const DepthwiseKernels<BFloat16>& depthwise<BFloat16>();

// Floats that they need to work in.
std::int64_t depthwise_scratch(const Window& window);

void depthwise_plain(const Window& window, const float* z, std::int64_t z_stride,
                     const Affine& affine, const float* weight, float* out,
                     std::int64_t out_stride);
void depthwise_gradient_plain(const Window& window, const float* z, std::int64_t z_stride,
                              const Affine& affine, const float* weight, const float* dz,
                              std::int64_t dz_stride, const DepthwiseGradients<float>& into);

}  // namespace concertina::kernels
