// pad, gather_patches, scatter_patches, unpad: rows of channels are copied or added as they lie.
#include <algorithm>

#include "concertina/kernels/convolution.h"

namespace concertina::kernels {
namespace {

std::int64_t padded_width(const Window& window) { return window.width + 2 * window.padding; }

// Calls body(row of patches, row of the padded map, elements) for every row of taps; the taps of
// one kernel row are adjacent in both.
template <class Body>
void for_tap_rows(const Window& window, std::int64_t begin, std::int64_t end, const Body& body) {
  const std::int64_t count = window.kernel * window.channels;
  const std::int64_t line = padded_width(window) * window.channels;
  std::int64_t patch = 0;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t y = pixel / window.out_width * window.stride;
    const std::int64_t x = pixel % window.out_width * window.stride;
    for (std::int64_t ky = 0; ky < window.kernel; ++ky, patch += count) {
      body(patch, (y + ky) * line + x * window.channels, count);
    }
  }
}

}  // namespace

template <class T>
void pad(const Window& window, const T* z, std::int64_t z_stride, const Affine& affine, T* padded) {
  const T zero = rounded<T>(0);
  const std::int64_t margin = window.padding * window.channels;
  const std::int64_t line = padded_width(window) * window.channels;
  std::fill_n(padded, window.padding * line, zero);
  T* row = padded + window.padding * line;
  for (std::int64_t y = 0; y < window.height; ++y, row += line) {
    std::fill_n(row, margin, zero);
    rows<T>().activate({window.width, window.channels}, z + y * window.width * z_stride, z_stride,
                       affine, row + margin, window.channels);
    std::fill_n(row + line - margin, margin, zero);
  }
  std::fill_n(row, window.padding * line, zero);
}

template <class T>
void gather_patches(const Window& window, const T* padded, std::int64_t begin, std::int64_t end,
                    T* patches) {
  for_tap_rows(window, begin, end, [&](std::int64_t patch, std::int64_t place, std::int64_t count) {
    std::copy_n(padded + place, count, patches + patch);
  });
}

void scatter_patches(const Window& window, const float* patches, std::int64_t begin,
                     std::int64_t end, float* padded) {
  const auto add = rows<float>().store;
  for_tap_rows(window, begin, end, [&](std::int64_t patch, std::int64_t place, std::int64_t count) {
    add({1, count}, patches + patch, true, padded + place, count);
  });
}

template <class T>
void unpad(const Window& window, const float* padded, bool accumulate, T* out,
           std::int64_t out_stride) {
  const std::int64_t line = padded_width(window) * window.channels;
  const float* from = padded + window.padding * (line + window.channels);
  for (std::int64_t y = 0; y < window.height; ++y, from += line) {
    rows<T>().store({window.width, window.channels}, from, accumulate, out, out_stride);
    out += window.width * out_stride;
  }
}

template void pad(const Window&, const float*, std::int64_t, const Affine&, float*);
template void pad(const Window&, const BFloat16*, std::int64_t, const Affine&, BFloat16*);
template void gather_patches(const Window&, const float*, std::int64_t, std::int64_t, float*);
template void gather_patches(const Window&, const BFloat16*, std::int64_t, std::int64_t, BFloat16*);
template void unpad(const Window&, const float*, bool, float*, std::int64_t);
template void unpad(const Window&, const float*, bool, BFloat16*, std::int64_t);

}  // namespace concertina::kernels
