// gather_patches, sum_patches: rows of channels, copied or added as they lie.
#include <algorithm>
#include <vector>

#include "concertina/kernels/convolution.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "patches.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

// For each place of a row or column of the map, where what it adds to lies in the patches.
using Sources = std::vector<std::vector<std::int64_t>>;

// Adds up what comes from rows `from` and columns `in_row` of patches into one pixel.
template <class T>
HWY_INLINE void sum_pixel(std::int64_t channels, const float* patches,
                          const std::vector<std::int64_t>& from,
                          const std::vector<std::int64_t>& in_row, bool accumulate, T* out) {
  for_channels<1>(channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    auto sum =
        accumulate ? part.load(out + c) : hn::Zero(typename std::decay_t<decltype(part)>::Tag());
    for (const std::int64_t row : from) {
      for (const std::int64_t column : in_row) {
        sum = hn::Add(sum, part.load(patches + row + column + c));
      }
    }
    part.store(sum, out + c);
  });
}

template <class T>
void sum(const Window& window, const float* patches, const Sources& rows, const Sources& columns,
         bool accumulate, T* out, std::int64_t out_stride) {
  for (const auto& row : rows) {
    for (const auto& column : columns) {
      sum_pixel(window.channels, patches, row, column, accumulate, out);
      out += out_stride;
    }
  }
}

void sum_floats(const Window& window, const float* patches, const Sources& rows,
                const Sources& columns, bool accumulate, float* out, std::int64_t out_stride) {
  sum(window, patches, rows, columns, accumulate, out, out_stride);
}
void sum_halves(const Window& window, const float* patches, const Sources& rows,
                const Sources& columns, bool accumulate, BFloat16* out, std::int64_t out_stride) {
  sum(window, patches, rows, columns, accumulate, out, out_stride);
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace concertina::kernels {
namespace {

using Sources = std::vector<std::vector<std::int64_t>>;

// Along one axis: `size` places, `out_size` patches `patch` elements apart, taps `tap` apart.
Sources sources(const Window& window, std::int64_t size, std::int64_t out_size, std::int64_t patch,
                std::int64_t tap) {
  Sources all(static_cast<std::size_t>(size));
  for (std::int64_t out = 0; out < out_size; ++out) {
    for (std::int64_t k = 0; k < window.kernel; ++k) {
      const std::int64_t place = out * window.stride + k - window.padding;
      if (place < 0 || place >= size) continue;
      all[static_cast<std::size_t>(place)].push_back(out * patch + k * tap);
    }
  }
  return all;
}

Sources row_sources(const Window& window) {
  const std::int64_t patch = window.taps() * window.channels;
  return sources(window, window.height, window.out_height, window.out_width * patch,
                 window.kernel * window.channels);
}

Sources column_sources(const Window& window) {
  return sources(window, window.width, window.out_width, window.taps() * window.channels,
                 window.channels);
}

}  // namespace

HWY_EXPORT(sum_floats);
HWY_EXPORT(sum_halves);

template <class T>
void gather_patches(const Window& window, const T* padded, std::int64_t begin, std::int64_t end,
                    T* patches) {
  const std::int64_t count = window.kernel * window.channels;
  const std::int64_t line = window.padded_width() * window.channels;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const std::int64_t y = pixel / window.out_width * window.stride;
    const std::int64_t x = pixel % window.out_width * window.stride;
    const T* from = padded + y * line + x * window.channels;
    for (std::int64_t ky = 0; ky < window.kernel; ++ky, patches += count, from += line) {
      std::copy_n(from, count, patches);
    }
  }
}

template <>
void sum_patches(const Window& window, const float* patches, bool accumulate, float* out,
                 std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(sum_floats)
  (window, patches, row_sources(window), column_sources(window), accumulate, out, out_stride);
}

template <>
void sum_patches(const Window& window, const float* patches, bool accumulate, BFloat16* out,
                 std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(sum_halves)
  (window, patches, row_sources(window), column_sources(window), accumulate, out, out_stride);
}

template void gather_patches(const Window&, const float*, std::int64_t, std::int64_t, float*);
template void gather_patches(const Window&, const BFloat16*, std::int64_t, std::int64_t, BFloat16*);

}  // namespace concertina::kernels
#endif  // HWY_ONCE
