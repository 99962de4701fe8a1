#include "concertina/kernels/augment.h"

#include <algorithm>

namespace concertina::kernels {
namespace {

// pixel * scale + offset = (pixel / 255 - mean) / deviation; offset is also what padding becomes.
struct Line {
  float scale, offset;
};

Line normalization(float mean, float deviation) {
  return {static_cast<float>(1.0 / (255.0 * deviation)),
          static_cast<float>(-static_cast<double>(mean) / deviation)};
}

// The output columns [begin, end) that see the image; column x reads source[start + x], or
// source[start - x] when mirrored. All others are padding.
struct Columns {
  std::int64_t begin, end, start;
};

Columns columns(std::int64_t width, std::int64_t dx, bool flip) {
  const std::int64_t begin = std::clamp<std::int64_t>(flip ? dx : -dx, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(flip ? width + dx : width - dx, begin, width);
  return {begin, end, flip ? width - 1 + dx : dx};
}

// Two loops without a branch or a variable stride in them, so that compilers vectorize both.
void convert(const std::uint8_t* __restrict source, std::int64_t count, Line line,
             float* __restrict out) {
  for (std::int64_t x = 0; x < count; ++x)
    out[x] = static_cast<float>(source[x]) * line.scale + line.offset;
}

void convert_mirrored(const std::uint8_t* __restrict last, std::int64_t count, Line line,
                      float* __restrict out) {
  for (std::int64_t x = 0; x < count; ++x)
    out[x] = static_cast<float>(last[-x]) * line.scale + line.offset;
}

void convert_row(const std::uint8_t* source, std::int64_t width, const Columns& seen, bool flip,
                 Line line, float* out) {
  std::fill(out, out + seen.begin, line.offset);
  const std::int64_t count = seen.end - seen.begin;
  if (flip)
    convert_mirrored(source + (seen.start - seen.begin), count, line, out + seen.begin);
  else
    convert(source + (seen.start + seen.begin), count, line, out + seen.begin);
  std::fill(out + seen.end, out + width, line.offset);
}

void augment_plane(const std::uint8_t* plane, ImageShape shape, const Placement& placement,
                   Line line, float* out) {
  const Columns seen = columns(shape.width, placement.dx, placement.flip);
  for (std::int64_t y = 0; y < shape.height; ++y, out += shape.width) {
    const std::int64_t row = y + placement.dy;
    if (row < 0 || row >= shape.height || seen.begin == seen.end)
      std::fill(out, out + shape.width, line.offset);
    else
      convert_row(plane + row * shape.width, shape.width, seen, placement.flip, line, out);
  }
}

std::uint8_t pixel_or_black(const std::uint8_t* plane, ImageShape shape, std::int64_t y,
                            std::int64_t x) {
  const bool inside = y >= 0 && y < shape.height && x >= 0 && x < shape.width;
  return inside ? plane[y * shape.width + x] : std::uint8_t{0};
}

void augment_plane_plain(const std::uint8_t* plane, ImageShape shape, const Placement& placement,
                         float mean, float deviation, float* out) {
  for (std::int64_t y = 0; y < shape.height; ++y)
    for (std::int64_t x = 0; x < shape.width; ++x) {
      const std::int64_t column = placement.flip ? shape.width - 1 - x : x;
      const auto pixel = pixel_or_black(plane, shape, y + placement.dy, column + placement.dx);
      *out++ = (static_cast<float>(pixel) / 255.0F - mean) / deviation;
    }
}

}  // namespace

void augment(const std::uint8_t* images, ImageShape shape, const Placement* placements,
             std::int64_t count, const float* mean, const float* deviation, float* out) {
  const std::int64_t plane = shape.height * shape.width;
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t c = 0; c < shape.channels; ++c, out += plane)
      augment_plane(images + (placements[n].index * shape.channels + c) * plane, shape,
                    placements[n], normalization(mean[c], deviation[c]), out);
}

void augment_plain(const std::uint8_t* images, ImageShape shape, const Placement* placements,
                   std::int64_t count, const float* mean, const float* deviation, float* out) {
  const std::int64_t plane = shape.height * shape.width;
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t c = 0; c < shape.channels; ++c, out += plane)
      augment_plane_plain(images + (placements[n].index * shape.channels + c) * plane, shape,
                          placements[n], mean[c], deviation[c], out);
}

}  // namespace concertina::kernels
