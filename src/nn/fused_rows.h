// What lies between the maps of a batch and the products of a convolution (Patches): the rows that
// go in are read from one map, those that come out are written to another. A row is a pixel of the
// map; with a window it is a patch. Rows come in ascending order.
#pragma once

#include <algorithm>
#include <cstdint>

#include "concertina/kernels/convolution.h"

#include "fused_pass.h"

namespace concertina::fused {

// The values that an operation reads, of `count` pixels of the batch from `begin`, densely.
template <class T>
void read_values(const PassState& state, const Operation& one, std::int64_t begin,
                 std::int64_t count, T* into) {
  const std::int64_t stride = state.stride(one.in);
  kernels::rows<T>().activate({count, one.in.channels}, state.z<T>(one.in) + begin * stride, stride,
                              state.affine(one.in), into, one.in.channels);
}

// Pixels: called with (first pixel of the batch, count, T* into), writes their values densely.
template <class T, class Pixels>
class RowReader {
 public:
  static std::int64_t room(const kernels::Window* window) {
    return window == nullptr ? 0
                             : BumpAllocator::room<T>(window->padded_pixels() * window->channels);
  }

  // window: null for pixels.
  RowReader(const kernels::Window* window, Pixels pixels, BumpAllocator& pieces)
      : window_(window), pixels_(pixels) {
    if (window_ == nullptr) return;
    const std::int64_t size = window_->padded_pixels() * window_->channels;
    padded_ = pieces.take<T>(size);
    std::fill_n(padded_, size, T());
  }

  void read(std::int64_t begin, std::int64_t count, T* into) {
    if (window_ == nullptr) {
      pixels_(begin, count, into);
      return;
    }
    const std::int64_t pixels = window_->out_pixels();
    const std::int64_t end = begin + count;
    while (begin < end) {
      const std::int64_t image = begin / pixels;
      const std::int64_t first = begin % pixels;
      const std::int64_t last = std::min(end - image * pixels, pixels);
      if (first == 0) fill(image);
      kernels::gather_patches(*window_, padded_, first, last, into);
      into += (last - first) * window_->taps() * window_->channels;
      begin = image * pixels + last;
    }
  }

 private:
  void fill(std::int64_t image) {
    for (std::int64_t y = 0; y < window_->height; ++y) {
      pixels_(image * window_->in_pixels() + y * window_->width, window_->width,
              padded_ + window_->inside(y));
    }
  }

  const kernels::Window* window_;
  Pixels pixels_;
  T* padded_ = nullptr;  // of one image, with zeros around (kernels/convolution.h)
};

// A map of a batch: some channels of each pixel.
template <class T>
struct MapPlace {
  T* data;
  std::int64_t stride;    // elements from one pixel to the next
  std::int64_t channels;  // written
  bool accumulate = false;
};

// Complete: called with (first pixel of the batch, count) when those are written.
template <class T, class Complete>
class RowWriter {
 public:
  // window: null for pixels; with one, rows come as those of whole images. product: room for the
  // rows of one call.
  RowWriter(const kernels::Window* window, MapPlace<T> map, float* product, Complete complete)
      : window_(window), map_(map), product_(product), complete_(complete) {}

  // multiply: called with where the rows go, dense: T* or float*.
  template <class Multiply>
  void write(std::int64_t begin, std::int64_t count, const Multiply& multiply) {
    T* out = map_.data + begin * map_.stride;
    if (window_ != nullptr) {
      multiply(product_);
      for (std::int64_t row = begin; row < begin + count; row += window_->out_pixels()) {
        sum(row / window_->out_pixels(), product_ + (row - begin) * row_size());
      }
    } else if (map_.stride == map_.channels && !map_.accumulate) {
      multiply(out);
      complete_(begin, count);
    } else {
      multiply(product_);
      kernels::rows<T>().store({count, map_.channels}, product_, map_.accumulate, out, map_.stride);
      complete_(begin, count);
    }
  }

 private:
  std::int64_t row_size() const { return window_->taps() * window_->channels; }

  void sum(std::int64_t image, const float* patches) {
    const std::int64_t begin = image * window_->in_pixels();
    kernels::sum_patches(*window_, patches, map_.accumulate, map_.data + begin * map_.stride,
                         map_.stride);
    complete_(begin, window_->in_pixels());
  }

  const kernels::Window* window_;
  MapPlace<T> map_;
  float* product_;
  Complete complete_;
};

}  // namespace concertina::fused
