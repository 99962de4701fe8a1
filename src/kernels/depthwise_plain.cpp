// The twins of depthwise.cpp, written as plainly as possible.
#include <algorithm>

#include "concertina/kernels/convolution.h"

namespace concertina::kernels {
namespace {

// Calls body(output pixel, input pixel, tap, channel) wherever a tap meets the image.
template <class Body>
void for_each_tap(const Window& window, const Body& body) {
  for (std::int64_t out = 0; out < window.out_pixels(); ++out) {
    for (std::int64_t tap = 0; tap < window.taps(); ++tap) {
      const std::int64_t y =
          out / window.out_width * window.stride + tap / window.kernel - window.padding;
      const std::int64_t x =
          out % window.out_width * window.stride + tap % window.kernel - window.padding;
      if (y < 0 || y >= window.height || x < 0 || x >= window.width) continue;
      for (std::int64_t c = 0; c < window.channels; ++c) {
        body(out, y * window.width + x, tap * window.channels + c, c);
      }
    }
  }
}

float value_of(const Affine& affine, std::int64_t c, float z) {
  return std::min(std::max(z * affine.scale[c] + affine.shift[c], affine.low), affine.high);
}

}  // namespace

void depthwise_plain(const Window& window, const float* z, std::int64_t z_stride,
                     const Affine& affine, const float* weight, float* out,
                     std::int64_t out_stride) {
  for (std::int64_t pixel = 0; pixel < window.out_pixels(); ++pixel) {
    std::fill_n(out + pixel * out_stride, window.channels, 0.0F);
  }
  for_each_tap(window, [&](std::int64_t to, std::int64_t from, std::int64_t tap, std::int64_t c) {
    out[to * out_stride + c] += value_of(affine, c, z[from * z_stride + c]) * weight[tap];
  });
}

void depthwise_gradient_plain(const Window& window, const float* z, std::int64_t z_stride,
                              const Affine& affine, const float* weight, const float* dz,
                              std::int64_t dz_stride, const DepthwiseGradients<float>& into) {
  if (into.in_gradient != nullptr && !into.accumulate) {
    for (std::int64_t pixel = 0; pixel < window.in_pixels(); ++pixel) {
      std::fill_n(into.in_gradient + pixel * into.in_stride, window.channels, 0.0F);
    }
  }
  for_each_tap(window, [&](std::int64_t out, std::int64_t in, std::int64_t tap, std::int64_t c) {
    const float gradient = dz[out * dz_stride + c];
    into.weight_gradient[tap] += value_of(affine, c, z[in * z_stride + c]) * gradient;
    if (into.in_gradient != nullptr) {
      into.in_gradient[in * into.in_stride + c] += weight[tap] * gradient;
    }
  });
}

}  // namespace concertina::kernels
