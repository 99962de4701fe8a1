// Crop with zero padding, horizontal flip and normalization of a batch of 8-bit images, in one pass
// from the whole dataset to a float batch. Knows pointers and shapes only.
#pragma once

#include <cstdint>

namespace concertina::kernels {

struct ImageShape {
  std::int64_t channels, height, width;  // planar, row-major: [C, H, W]
};

// One output image: shifted by (dy, dx) in -padding..padding, mirrored if flip.
struct Placement {
  std::int64_t index;  // which image of the dataset
  std::int32_t dy, dx;
  bool flip;
};

// out[n, c, y, x] = (pixel / 255 - mean[c]) / deviation[c], and what lies outside the image is a
// black (0) pixel before normalization, as padding before normalizing gives.
// images: [N, C, H, W] uint8; out: [count, C, H, W] float32, contiguous. Images are independent, so
// callers may split 0..count between threads.
void augment(const std::uint8_t* images, ImageShape shape, const Placement* placements,
             std::int64_t count, const float* mean, const float* deviation, float* out);

// The same, written as plainly as possible: what the tests compare augment() with.
void augment_plain(const std::uint8_t* images, ImageShape shape, const Placement* placements,
                   std::int64_t count, const float* mean, const float* deviation, float* out);

}  // namespace concertina::kernels
