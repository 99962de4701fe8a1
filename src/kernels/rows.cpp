#include "concertina/kernels/rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rows.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

// On x86 the second operand comes through when one is not a number: a NaN stays visible.
HWY_INLINE Vec value_of(Vec z, Vec scale, Vec shift, const Affine& affine) {
  const Tag d;
  const Vec value = hn::MulAdd(z, scale, shift);
  return hn::Min(hn::Set(d, affine.high), hn::Max(hn::Set(d, affine.low), value));
}

// g where it passes, else 0.
HWY_INLINE Vec passing(Vec g, Vec z, Vec scale, Vec shift, const Affine& affine) {
  const Tag d;
  const Vec value = hn::MulAdd(z, scale, shift);
  const auto inside =
      hn::And(hn::Gt(value, hn::Set(d, affine.low)), hn::Lt(value, hn::Set(d, affine.high)));
  return hn::IfThenElseZero(inside, g);
}

void activate(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
              float* out, std::int64_t out_stride) {
  for (std::int64_t row = 0; row < extent.rows; ++row, z += z_stride, out += out_stride) {
    for_channels(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
      const Vec value = value_of(part.load(z + c), part.load(affine.scale + c),
                                 part.load(affine.shift + c), affine);
      part.store(value, out + c);
    });
  }
}

void norm_gradient(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                   std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                   float* out, std::int64_t out_stride) {
  for (std::int64_t row = 0; row < extent.rows; ++row) {
    for_channels(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
      const Vec z_here = part.load(z + c);
      const Vec rest =
          hn::MulAdd(z_here, part.load(gradient.linear + c), part.load(gradient.constant + c));
      const Vec g_here = passing(part.load(g + c), z_here, part.load(affine.scale + c),
                                 part.load(affine.shift + c), affine);
      part.store(hn::MulAdd(g_here, part.load(gradient.direct + c), rest), out + c);
    });
    z += z_stride;
    g += g_stride;
    out += out_stride;
  }
}

// The two sums of a channel block over some rows, in float32, added to the doubles of `first` and
// `second`. Blocks of rows keep the float32 sums short.
template <class Part, class Terms>
HWY_INLINE void sum_rows(std::int64_t rows, const Part& part, double* first, double* second,
                         const Terms& terms) {
  constexpr std::int64_t kBlock = 64;
  const Tag d;
  HWY_ALIGN float sums[2][16];
  for (std::int64_t begin = 0; begin < rows; begin += kBlock) {
    const std::int64_t end = HWY_MIN(rows, begin + kBlock);
    Vec first_sum = hn::Zero(d);
    Vec second_sum = hn::Zero(d);
    for (std::int64_t row = begin; row < end; ++row) terms(row, first_sum, second_sum);
    hn::Store(first_sum, d, sums[0]);
    hn::Store(second_sum, d, sums[1]);
    part(sums[0], first);
    part(sums[1], second);
  }
}

void add_to(std::int64_t channels, const float* sums, double* into) {
  for (std::int64_t c = 0; c < channels; ++c) into[c] += static_cast<double>(sums[c]);
}

// sums[c] and squares[c] of z - z's first row, both zero before.
void deviations(Extent extent, const float* z, std::int64_t z_stride, double* sums,
                double* squares) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  for_channels(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    const std::int64_t count = HWY_MIN(lanes, extent.channels - c);
    const Vec pivot = part.load(z + c);
    const auto add = [&](const float* from, double* into) { add_to(count, from, into); };
    sum_rows(extent.rows, add, sums + c, squares + c,
             [&](std::int64_t row, Vec& sum, Vec& square) HWY_ATTR {
               const Vec difference = hn::Sub(part.load(z + row * z_stride + c), pivot);
               sum = hn::Add(sum, difference);
               square = hn::MulAdd(difference, difference, square);
             });
  });
}

void add_gradient_sums(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                       std::int64_t g_stride, const Affine& affine, const float* mean,
                       const GradientSums& into) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
  for_channels(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    const std::int64_t count = HWY_MIN(lanes, extent.channels - c);
    const Vec scale = part.load(affine.scale + c);
    const Vec shift = part.load(affine.shift + c);
    const Vec centre = part.load(mean + c);
    const auto add = [&](const float* from, double* to) { add_to(count, from, to); };
    sum_rows(extent.rows, add, into.direct + c, into.centred + c,
             [&](std::int64_t row, Vec& direct, Vec& centred) HWY_ATTR {
               const Vec z_here = part.load(z + row * z_stride + c);
               const Vec g_here =
                   passing(part.load(g + row * g_stride + c), z_here, scale, shift, affine);
               direct = hn::Add(direct, g_here);
               centred = hn::MulAdd(g_here, hn::Sub(z_here, centre), centred);
             });
  });
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <vector>

namespace concertina::kernels {

HWY_EXPORT(activate);
HWY_EXPORT(norm_gradient);
HWY_EXPORT(deviations);
HWY_EXPORT(add_gradient_sums);

void activate(Extent extent, const float* z, std::int64_t z_stride, const Affine& affine,
              float* out, std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(activate)(extent, z, z_stride, affine, out, out_stride);
}

void norm_gradient(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                   std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                   float* out, std::int64_t out_stride) {
  HWY_DYNAMIC_DISPATCH(norm_gradient)
  (extent, z, z_stride, g, g_stride, affine, gradient, out, out_stride);
}

void add_gradient_sums(Extent extent, const float* z, std::int64_t z_stride, const float* g,
                       std::int64_t g_stride, const Affine& affine, const float* mean,
                       const GradientSums& into) {
  HWY_DYNAMIC_DISPATCH(add_gradient_sums)
  (extent, z, z_stride, g, g_stride, affine, mean, into);
}

void add_moments(Extent extent, const float* z, std::int64_t z_stride, Moments& into) {
  const auto channels = static_cast<std::size_t>(extent.channels);
  static thread_local std::vector<double> mean, squares;
  mean.assign(channels, 0);
  squares.assign(channels, 0);
  HWY_DYNAMIC_DISPATCH(deviations)(extent, z, z_stride, mean.data(), squares.data());
  const auto count = static_cast<double>(extent.rows);
  for (std::size_t c = 0; c < channels; ++c) {
    squares[c] -= mean[c] * mean[c] / count;
    mean[c] = static_cast<double>(z[c]) + mean[c] / count;
  }
  merge_moments(extent.channels, {extent.rows, mean.data(), squares.data()}, into);
}

// Chan, Golub and LeVeque 1979.
void merge_moments(std::int64_t channels, const Moments& from, Moments& into) {
  const auto from_count = static_cast<double>(from.count);
  const auto into_count = static_cast<double>(into.count);
  const double share = from_count / (from_count + into_count);
  for (std::int64_t c = 0; c < channels; ++c) {
    const double difference = from.mean[c] - into.mean[c];
    into.mean[c] += difference * share;
    into.squares[c] += from.squares[c] + difference * difference * into_count * share;
  }
  into.count += from.count;
}

}  // namespace concertina::kernels
#endif  // HWY_ONCE
