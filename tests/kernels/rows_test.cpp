#include "concertina/kernels/rows.h"

#include <cstring>
#include <limits>

#include "samples.h"

namespace concertina::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// A fused multiply-add rounds once where the twin rounds twice; sums of 64 rows are float32.
constexpr double kTolerance = 3e-6;
constexpr std::int64_t kStride = 61;  // a slice of a wider map

// Fewer channels than a vector, a whole vector, several and a rest; fewer and more rows than a
// block of sums.
const std::vector<Extent> kExtents = {{1, 1}, {3, 6}, {64, 16}, {65, 33}, {150, 48}, {200, 59}};
const std::vector<std::pair<float, float>> kActivations = {
    {0, 6}, {0, kInfinity}, {-kInfinity, kInfinity}};

// Inputs that are elements of T already, and where outputs go.
template <class T>
struct Case {
  Case(Extent e, std::pair<float, float> range) : extent(e), low(range.first), high(range.second) {}

  Affine affine() const { return {scale.data(), shift.data(), low, high}; }
  NormGradient gradient() const { return {direct.data(), linear.data(), constant.data()}; }

  Extent extent;
  float low, high;
  std::vector<T> z = as<T>(samples(200 * kStride, 1, 0.5F));
  std::vector<T> g = as<T>(samples(200 * kStride, 2));
  std::vector<float> z_plain = floats(z), g_plain = floats(g);
  std::vector<float> scale = samples(kStride, 3, 2);
  std::vector<float> shift = samples(kStride, 4);
  std::vector<float> direct = samples(kStride, 5);
  std::vector<float> linear = samples(kStride, 6);
  std::vector<float> constant = samples(kStride, 7);
  std::vector<T> out = as<T>(samples(200 * kStride, 8));
  std::vector<float> out_plain = floats(out);

  void expect_same_out() const {
    EXPECT_TRUE(near(floats(out), out_plain, kTolerance + rounding<T>()));
  }
};

template <class T, class Body>
void for_all_cases(const Body& body) {
  for (const Extent extent : kExtents) {
    for (const auto& range : kActivations) {
      SCOPED_TRACE(std::to_string(extent.rows) + "x" + std::to_string(extent.channels));
      body(Case<T>(extent, range));
    }
  }
}

template <class T>
class Rows : public testing::Test {};
TYPED_TEST_SUITE(Rows, ElementTypes);

TYPED_TEST(Rows, ActivateEqualsItsTwin) {
  for_all_cases<TypeParam>([](Case<TypeParam> one) {
    rows<TypeParam>().activate(one.extent, one.z.data(), kStride, one.affine(), one.out.data(),
                               kStride);
    activate_plain(one.extent, one.z_plain.data(), kStride, one.affine(), one.out_plain.data(),
                   kStride);
    one.expect_same_out();
  });
}

TYPED_TEST(Rows, ANumberThatIsNoneStaysVisible) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<TypeParam> z = as<TypeParam>(std::vector<float>(16, none));
  const std::vector<float> scale(16, 1), shift(16, 0);
  std::vector<TypeParam> out = as<TypeParam>(shift);
  rows<TypeParam>().activate({1, 16}, z.data(), 16, {scale.data(), shift.data(), 0, 6}, out.data(),
                             16);
  for (const float each : floats(out)) EXPECT_TRUE(std::isnan(each));
}

TYPED_TEST(Rows, NormGradientEqualsItsTwin) {
  for_all_cases<TypeParam>([](Case<TypeParam> one) {
    rows<TypeParam>().norm_gradient(one.extent, one.z.data(), kStride, one.g.data(), kStride,
                                    one.affine(), one.gradient(), one.out.data(), kStride);
    norm_gradient_plain(one.extent, one.z_plain.data(), kStride, one.g_plain.data(), kStride,
                        one.affine(), one.gradient(), one.out_plain.data(), kStride);
    one.expect_same_out();
  });
}

TYPED_TEST(Rows, StoreEqualsItsTwin) {
  for_all_cases<TypeParam>([](Case<TypeParam> one) {
    const std::vector<float> from = samples(one.extent.rows * one.extent.channels, 9);
    for (const bool accumulate : {false, true}) {
      rows<TypeParam>().store(one.extent, from.data(), accumulate, one.out.data(), kStride);
      store_plain(one.extent, from.data(), accumulate, one.out_plain.data(), kStride);
      one.expect_same_out();
      one.out_plain = floats(one.out);
    }
  });
}

TYPED_TEST(Rows, AverageEqualsItsTwin) {
  for_all_cases<TypeParam>([](const Case<TypeParam>& one) {
    std::vector<float> fast(kStride, 1), plain(kStride, 1);
    rows<TypeParam>().average(one.extent, one.z.data(), kStride, one.affine(), fast.data());
    average_plain(one.extent, one.z_plain.data(), kStride, one.affine(), plain.data());
    EXPECT_TRUE(near(fast, plain, kTolerance));
  });
}

TYPED_TEST(Rows, SpreadEqualsItsTwin) {
  for_all_cases<TypeParam>([](Case<TypeParam> one) {
    for (const bool accumulate : {false, true}) {
      rows<TypeParam>().spread(one.extent, one.direct.data(), accumulate, one.out.data(), kStride);
      spread_plain(one.extent, one.direct.data(), accumulate, one.out_plain.data(), kStride);
      one.expect_same_out();
      one.out_plain = floats(one.out);
    }
  });
}

TYPED_TEST(Rows, GradientSumsEqualTheirTwin) {
  for_all_cases<TypeParam>([](const Case<TypeParam>& one) {
    std::vector<double> fast(2 * kStride, 1), plain(2 * kStride, 1);
    rows<TypeParam>().add_gradient_sums(one.extent, one.z.data(), kStride, one.g.data(), kStride,
                                        one.affine(), one.shift.data(),
                                        {fast.data(), fast.data() + kStride});
    add_gradient_sums_plain(one.extent, one.z_plain.data(), kStride, one.g_plain.data(), kStride,
                            one.affine(), one.shift.data(), {plain.data(), plain.data() + kStride});
    EXPECT_TRUE(near(fast, plain, kTolerance));
  });
}

struct Kept {
  std::vector<double> mean = std::vector<double>(kStride, 0);
  std::vector<double> squares = std::vector<double>(kStride, 0);
  Moments moments() { return {0, mean.data(), squares.data()}; }
};

TYPED_TEST(Rows, MomentsOfPartsAreThoseOfTheWhole) {
  for_all_cases<TypeParam>([](const Case<TypeParam>& one) {
    Kept fast, plain;
    Moments parts = fast.moments();
    const Extent half{(one.extent.rows + 1) / 2, one.extent.channels};
    rows<TypeParam>().add_moments(half, one.z.data(), kStride, parts);
    if (one.extent.rows > 1) {
      rows<TypeParam>().add_moments({one.extent.rows - half.rows, half.channels},
                                    one.z.data() + half.rows * kStride, kStride, parts);
    }
    Moments whole = plain.moments();
    add_moments_plain(one.extent, one.z_plain.data(), kStride, whole);
    EXPECT_EQ(parts.count, whole.count);
    EXPECT_TRUE(near(fast.mean, plain.mean, kTolerance));
    EXPECT_TRUE(near(fast.squares, plain.squares, kTolerance));
  });
}

// Deviation 1 around 10,000: a plain float32 sum of squares would lose it altogether.
TEST(Moments, AMeanFarFromZeroCostsTheVarianceNothing) {
  const std::vector<float> z = samples(200 * 16, 1, 10000);
  Kept fast, plain;
  Moments left = fast.moments(), right = plain.moments();
  rows<float>().add_moments({200, 16}, z.data(), 16, left);
  add_moments_plain({200, 16}, z.data(), 16, right);
  EXPECT_TRUE(near(fast.squares, plain.squares, kTolerance));
}

float from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

TEST(BFloat16s, AreRoundedToTheNearestTiesToEven) {
  EXPECT_EQ(rounded<BFloat16>(from_bits(0x3F800000)).bits, 0x3F80);
  EXPECT_EQ(rounded<BFloat16>(from_bits(0x3F808000)).bits, 0x3F80);  // a tie, down to even
  EXPECT_EQ(rounded<BFloat16>(from_bits(0x3F818000)).bits, 0x3F82);  // a tie, up to even
  EXPECT_EQ(rounded<BFloat16>(from_bits(0xBF808001)).bits, 0xBF81);
  EXPECT_EQ(rounded<BFloat16>(kInfinity).bits, 0x7F80);
  EXPECT_TRUE(std::isnan(to_float(rounded<BFloat16>(from_bits(0x7FFFFFFF)))));
  EXPECT_TRUE(std::isnan(to_float(rounded<BFloat16>(from_bits(0xFF800001)))));
}

// Bit for bit, in vectors of every length.
TEST(BFloat16s, AreRoundedByTheKernelsToo) {
  std::vector<float> values = samples(59, 1);
  for (const std::size_t place : {0U, 17U, 49U, 56U}) {  // of 16, 16, 8 and the tail
    values[place] = from_bits(0x3F808000);
    values[place + 1] = from_bits(0x3F818000);
    values[place + 2] = from_bits(0x7FFFFFFF);
  }
  std::vector<BFloat16> out(values.size());
  rows<BFloat16>().store({1, 59}, values.data(), false, out.data(), 59);
  for (std::size_t k = 0; k < out.size(); ++k) {
    EXPECT_EQ(out[k].bits, rounded<BFloat16>(values[k]).bits) << k;
  }
}

}  // namespace
}  // namespace concertina::kernels
