#include "concertina/kernels/rows.h"

#include <type_traits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rows.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

constexpr int kGroup = 4;  // vectors of channels side by side

// Some numbers a channel, in registers.
template <class Part>
struct PerChannel {
  PerChannel(const Part& part, const float* from) {
    for (int i = 0; i < Part::kVectors; ++i) at[i] = part.load(from, i);
  }
  typename Part::Vec at[Part::kVectors];
};

// What a reader of z sees, for one part of the channels.
template <class Part>
class Values {
 public:
  using D = typename Part::Tag;
  using Vec = typename Part::Vec;

  Values(const Part& part, const Affine& affine, std::int64_t c)
      : scale_(part, affine.scale + c),
        shift_(part, affine.shift + c),
        low_(hn::Set(D(), affine.low)),
        high_(hn::Set(D(), affine.high)) {}

  // On x86 the second operand comes through when one is not a number: a NaN stays visible.
  HWY_INLINE Vec value(Vec z, int i) const {
    return hn::Min(high_, hn::Max(low_, hn::MulAdd(z, scale_.at[i], shift_.at[i])));
  }
  // g where it passes, else 0.
  HWY_INLINE Vec passing(Vec g, Vec z, int i) const {
    const Vec value = hn::MulAdd(z, scale_.at[i], shift_.at[i]);
    return hn::IfThenElseZero(hn::And(hn::Gt(value, low_), hn::Lt(value, high_)), g);
  }

 private:
  PerChannel<Part> scale_, shift_;
  Vec low_, high_;
};

// Calls body(part, first channel, first row, behind the last row). A few rows at a time, so that
// what belongs to the channels is loaded once for them and memory is still read as it lies.
template <class Body>
HWY_INLINE void for_blocks(Extent extent, std::int64_t block, const Body& body) {
  for (std::int64_t begin = 0; begin < extent.rows; begin += block) {
    const std::int64_t end = HWY_MIN(extent.rows, begin + block);
    for_channels<kGroup>(extent.channels, [&](std::int64_t c, const auto& part)
                                              HWY_ATTR { body(part, c, begin, end); });
  }
}

template <class T>
void activate(Extent extent, const T* z, std::int64_t z_stride, const Affine& affine, T* out,
              std::int64_t out_stride) {
  for_blocks(extent, 8,
             [&](const auto& part, std::int64_t c, std::int64_t begin, std::int64_t end) HWY_ATTR {
               using Part = std::decay_t<decltype(part)>;
               const Values<Part> values(part, affine, c);
               for (std::int64_t row = begin; row < end; ++row) {
                 const T* from = z + row * z_stride + c;
                 T* to = out + row * out_stride + c;
                 for (int i = 0; i < Part::kVectors; ++i) {
                   part.store(values.value(part.load(from, i), i), to, i);
                 }
               }
             });
}

template <class T>
void norm_gradient(Extent extent, const T* z, std::int64_t z_stride, const T* g,
                   std::int64_t g_stride, const Affine& affine, const NormGradient& gradient,
                   T* out, std::int64_t out_stride) {
  for_blocks(extent, 8,
             [&](const auto& part, std::int64_t c, std::int64_t begin, std::int64_t end) HWY_ATTR {
               using Part = std::decay_t<decltype(part)>;
               const Values<Part> values(part, affine, c);
               const PerChannel<Part> direct(part, gradient.direct + c);
               const PerChannel<Part> linear(part, gradient.linear + c);
               const PerChannel<Part> constant(part, gradient.constant + c);
               for (std::int64_t row = begin; row < end; ++row) {
                 const T* z_row = z + row * z_stride + c;
                 const T* g_row = g + row * g_stride + c;
                 T* to = out + row * out_stride + c;
                 for (int i = 0; i < Part::kVectors; ++i) {
                   const auto z_here = part.load(z_row, i);
                   const auto rest = hn::MulAdd(z_here, linear.at[i], constant.at[i]);
                   const auto g_here = values.passing(part.load(g_row, i), z_here, i);
                   part.store(hn::MulAdd(g_here, direct.at[i], rest), to, i);
                 }
               }
             });
}

// Two float32 sums a channel over a block of rows, short enough to lose nothing, that go into the
// doubles of the whole.
template <class Part>
class Sums {
 public:
  using D = typename Part::Tag;
  using Vec = typename Part::Vec;

  Sums() {
    for (int i = 0; i < Part::kVectors; ++i) first[i] = second[i] = hn::Zero(D());
  }
  void add_to(const Part& part, double* first_into, double* second_into) const {
    add(part, first, first_into);
    add(part, second, second_into);
  }

  Vec first[Part::kVectors], second[Part::kVectors];

 private:
  static void add(const Part& part, const Vec* sums, double* into) {
    HWY_ALIGN float each[Part::kVectors * hn::MaxLanes(D())];
    for (int i = 0; i < Part::kVectors; ++i) {
      hn::Store(sums[i], D(), each + i * static_cast<std::int64_t>(hn::Lanes(D())));
    }
    for (std::int64_t c = 0; c < part.channels(); ++c) into[c] += static_cast<double>(each[c]);
  }
};

constexpr std::int64_t kSumRows = 64;

// sums[c] and squares[c] of z - pivot.
template <class T>
HWY_INLINE void add_deviations(Extent extent, const T* z, std::int64_t z_stride, const float* pivot,
                               double* sums, double* squares) {
  for_blocks(extent, kSumRows,
             [&](const auto& part, std::int64_t c, std::int64_t begin, std::int64_t end) HWY_ATTR {
               using Part = std::decay_t<decltype(part)>;
               const PerChannel<Part> center(part, pivot + c);
               Sums<Part> block;
               for (std::int64_t row = begin; row < end; ++row) {
                 for (int i = 0; i < Part::kVectors; ++i) {
                   const auto difference =
                       hn::Sub(part.load(z + row * z_stride + c, i), center.at[i]);
                   block.first[i] = hn::Add(block.first[i], difference);
                   block.second[i] = hn::MulAdd(difference, difference, block.second[i]);
                 }
               }
               block.add_to(part, sums + c, squares + c);
             });
}

template <class T>
void add_moments(Extent extent, const T* z, std::int64_t z_stride, Moments& into) {
  const auto channels = static_cast<std::size_t>(extent.channels);
  static thread_local std::vector<double> mean, squares;
  static thread_local std::vector<float> pivot;
  mean.assign(channels, 0);
  squares.assign(channels, 0);
  pivot.resize(channels);
  for (std::size_t c = 0; c < channels; ++c) pivot[c] = to_float(z[c]);
  add_deviations(extent, z, z_stride, pivot.data(), mean.data(), squares.data());
  const auto count = static_cast<double>(extent.rows);
  for (std::size_t c = 0; c < channels; ++c) {
    squares[c] -= mean[c] * mean[c] / count;
    mean[c] = static_cast<double>(pivot[c]) + mean[c] / count;
  }
  merge_moments(extent.channels, {extent.rows, mean.data(), squares.data()}, into);
}

template <class T>
void add_gradient_sums(Extent extent, const T* z, std::int64_t z_stride, const T* g,
                       std::int64_t g_stride, const Affine& affine, const float* mean,
                       const GradientSums& into) {
  for_blocks(
      extent, kSumRows,
      [&](const auto& part, std::int64_t c, std::int64_t begin, std::int64_t end) HWY_ATTR {
        using Part = std::decay_t<decltype(part)>;
        const Values<Part> values(part, affine, c);
        const PerChannel<Part> center(part, mean + c);
        Sums<Part> block;
        for (std::int64_t row = begin; row < end; ++row) {
          for (int i = 0; i < Part::kVectors; ++i) {
            const auto z_here = part.load(z + row * z_stride + c, i);
            const auto g_here = values.passing(part.load(g + row * g_stride + c, i), z_here, i);
            block.first[i] = hn::Add(block.first[i], g_here);
            block.second[i] = hn::MulAdd(g_here, hn::Sub(z_here, center.at[i]), block.second[i]);
          }
        }
        block.add_to(part, into.direct + c, into.centered + c);
      });
}

template <class T>
void store(Extent extent, const float* from, bool accumulate, T* to, std::int64_t to_stride) {
  for (std::int64_t row = 0; row < extent.rows; ++row) {
    for_channels<1>(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
      const auto value = part.load(from + row * extent.channels + c);
      T* place = to + row * to_stride + c;
      part.store(accumulate ? hn::Add(part.load(place), value) : value, place);
    });
  }
}

template <class T>
void average(Extent extent, const T* z, std::int64_t z_stride, const Affine& affine, float* mean) {
  const float share = 1 / static_cast<float>(extent.rows);
  for_channels<kGroup>(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    using Part = std::decay_t<decltype(part)>;
    const Values<Part> values(part, affine, c);
    Sums<Part> sums;
    for (std::int64_t row = 0; row < extent.rows; ++row) {
      for (int i = 0; i < Part::kVectors; ++i) {
        const auto value = values.value(part.load(z + row * z_stride + c, i), i);
        sums.first[i] = hn::Add(sums.first[i], value);
      }
    }
    const auto factor = hn::Set(typename Part::Tag(), share);
    for (int i = 0; i < Part::kVectors; ++i) {
      part.store(hn::Mul(sums.first[i], factor), mean + c, i);
    }
  });
}

template <class T>
void spread(Extent extent, const float* mean, bool accumulate, T* g, std::int64_t g_stride) {
  const float share = 1 / static_cast<float>(extent.rows);
  for_channels<1>(extent.channels, [&](std::int64_t c, const auto& part) HWY_ATTR {
    const typename std::decay_t<decltype(part)>::Tag d;
    const auto each = hn::Mul(part.load(mean + c), hn::Set(d, share));
    for (std::int64_t row = 0; row < extent.rows; ++row) {
      T* to = g + row * g_stride + c;
      part.store(accumulate ? hn::Add(part.load(to), each) : each, to);
    }
  });
}

template <class T>
RowKernels<T> row_kernels() {
  return {&activate<T>, &add_moments<T>, &norm_gradient<T>, &add_gradient_sums<T>,
          &store<T>,    &average<T>,     &spread<T>};
}
RowKernels<float> float_rows() { return row_kernels<float>(); }
RowKernels<BFloat16> half_rows() { return row_kernels<BFloat16>(); }

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace concertina::kernels {

HWY_EXPORT(float_rows);
HWY_EXPORT(half_rows);

template <>
const RowKernels<float>& rows<float>() {
  static const RowKernels<float> kernels = HWY_DYNAMIC_DISPATCH(float_rows)();
  return kernels;
}

template <>
const RowKernels<BFloat16>& rows<BFloat16>() {
  static const RowKernels<BFloat16> kernels = HWY_DYNAMIC_DISPATCH(half_rows)();
  return kernels;
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
