// The twins of rows.cpp, written as plainly as possible.
#include <algorithm>
#include <vector>

#include "concertina/kernels/rows.h"

namespace concertina::kernels {
namespace {

float raw_value(const Affine& affine, std::int64_t c, float z) {
  return z * affine.scale[c] + affine.shift[c];
}

bool passes(const Affine& affine, std::int64_t c, float z) {
  const float value = raw_value(affine, c, z);
  return value > affine.low && value < affine.high;
}

template <class Body>
void for_each(Extent extent, const Body& body) {
  for (std::int64_t row = 0; row < extent.rows; ++row) {
    for (std::int64_t c = 0; c < extent.channels; ++c) body(row, c);
  }
}

}  // namespace

void activate_plain(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
                    float* out, std::int64_t out_stride) {
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const float value = raw_value(affine, c, z[row * z_stride + c]);
    out[row * out_stride + c] = std::min(std::max(value, affine.low), affine.high);
  });
}

void add_moments_plain(Extent extent, const float* z, std::int64_t z_stride, Moments& into) {
  const auto channels = static_cast<std::size_t>(extent.channels);
  std::vector<double> mean(channels, 0);
  std::vector<double> squares(channels, 0);
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    mean[static_cast<std::size_t>(c)] +=
        static_cast<double>(z[row * z_stride + c]) / static_cast<double>(extent.rows);
  });
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const double difference = z[row * z_stride + c] - mean[static_cast<std::size_t>(c)];
    squares[static_cast<std::size_t>(c)] += difference * difference;
  });
  merge_moments(extent.channels, {extent.rows, mean.data(), squares.data()}, into);
}

void norm_gradient_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                         std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                         float* out, std::int64_t out_stride) {
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const float z_here = z[row * z_stride + c];
    const float g_here = passes(affine, c, z_here) ? g[row * g_stride + c] : 0;
    out[row * out_stride + c] =
        gradient.direct[c] * g_here + gradient.linear[c] * z_here + gradient.constant[c];
  });
}

void add_gradient_sums_plain(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                             std::int64_t g_stride, const Affine& affine, const float* mean,
                             const GradientSums& into) {
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const float z_here = z[row * z_stride + c];
    if (!passes(affine, c, z_here)) return;
    const double g_here = g[row * g_stride + c];
    into.direct[c] += g_here;
    into.centered[c] += g_here * (static_cast<double>(z_here) - mean[c]);
  });
}

void store_plain(Extent extent, const float* from, bool accumulate, float* to,
                 std::int64_t to_stride) {
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const float value = from[row * extent.channels + c];
    float& place = to[row * to_stride + c];
    place = accumulate ? place + value : value;
  });
}

void average_plain(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
                   float* mean) {
  std::vector<float> values(static_cast<std::size_t>(extent.rows * extent.channels));
  activate_plain(extent, z, z_stride, affine, values.data(), extent.channels);
  std::fill_n(mean, extent.channels, 0.0F);
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    mean[c] += values[static_cast<std::size_t>(row * extent.channels + c)] /
               static_cast<float>(extent.rows);
  });
}

void spread_plain(Extent extent, const float* mean_gradient, bool accumulate, float* g,
                  std::int64_t g_stride) {
  for_each(extent, [&](std::int64_t row, std::int64_t c) {
    const float share = mean_gradient[c] / static_cast<float>(extent.rows);
    float& place = g[row * g_stride + c];
    place = accumulate ? place + share : share;
  });
}

}  // namespace concertina::kernels
