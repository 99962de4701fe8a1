#include "concertina/kernels/rows.h"

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

struct Case {
  explicit Case(Extent e, std::pair<float, float> range)
      : extent(e), low(range.first), high(range.second) {}

  Affine affine() const { return {scale.data(), shift.data(), low, high}; }

  Extent extent;
  float low, high;
  std::vector<float> z = samples(200 * kStride, 1, 0.5F);
  std::vector<float> g = samples(200 * kStride, 2);
  std::vector<float> scale = samples(kStride, 3, 2);
  std::vector<float> shift = samples(kStride, 4);
  std::vector<float> direct = samples(kStride, 5);
  std::vector<float> linear = samples(kStride, 6);
  std::vector<float> constant = samples(kStride, 7);
  std::vector<float> out = samples(200 * kStride, 8);
};

template <class Body>
void for_all_cases(const Body& body) {
  for (const Extent extent : kExtents) {
    for (const auto& range : kActivations) {
      SCOPED_TRACE(std::to_string(extent.rows) + "x" + std::to_string(extent.channels));
      body(Case(extent, range));
    }
  }
}

TEST(Rows, ActivateEqualsItsTwin) {
  for_all_cases([](Case fast) {
    Case plain = fast;
    activate(fast.extent, fast.z.data(), kStride, fast.affine(), fast.out.data(), kStride);
    activate_plain(plain.extent, plain.z.data(), kStride, plain.affine(), plain.out.data(),
                   kStride);
    EXPECT_TRUE(near(fast.out, plain.out, kTolerance));
  });
}

TEST(Rows, ANumberThatIsNoneStaysVisible) {
  const float none = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> z(16, none), scale(16, 1), shift(16, 0);
  std::vector<float> out(16, 0);
  activate({1, 16}, z.data(), 16, {scale.data(), shift.data(), 0, 6}, out.data(), 16);
  for (const float each : out) EXPECT_TRUE(std::isnan(each));
}

TEST(Rows, NormGradientEqualsItsTwin) {
  for_all_cases([](Case fast) {
    Case plain = fast;
    norm_gradient(fast.extent, fast.z.data(), kStride, fast.g.data(), kStride, fast.affine(),
                  {fast.direct.data(), fast.linear.data(), fast.constant.data()}, fast.out.data(),
                  kStride);
    norm_gradient_plain(plain.extent, plain.z.data(), kStride, plain.g.data(), kStride,
                        plain.affine(),
                        {plain.direct.data(), plain.linear.data(), plain.constant.data()},
                        plain.out.data(), kStride);
    EXPECT_TRUE(near(fast.out, plain.out, kTolerance));
  });
}

TEST(Rows, GradientSumsEqualTheirTwin) {
  for_all_cases([](const Case& one) {
    std::vector<double> fast(2 * kStride, 1), plain(2 * kStride, 1);
    add_gradient_sums(one.extent, one.z.data(), kStride, one.g.data(), kStride, one.affine(),
                      one.shift.data(), {fast.data(), fast.data() + kStride});
    add_gradient_sums_plain(one.extent, one.z.data(), kStride, one.g.data(), kStride, one.affine(),
                            one.shift.data(), {plain.data(), plain.data() + kStride});
    EXPECT_TRUE(near(fast, plain, kTolerance));
  });
}

struct Kept {
  std::vector<double> mean = std::vector<double>(kStride, 0);
  std::vector<double> squares = std::vector<double>(kStride, 0);
  Moments moments() { return {0, mean.data(), squares.data()}; }
};

TEST(Rows, MomentsOfPartsAreThoseOfTheWhole) {
  for_all_cases([](Case one) {
    Kept fast, plain;
    Moments parts = fast.moments();
    const Extent half{(one.extent.rows + 1) / 2, one.extent.channels};
    add_moments(half, one.z.data(), kStride, parts);
    if (one.extent.rows > 1) {
      add_moments({one.extent.rows - half.rows, half.channels}, one.z.data() + half.rows * kStride,
                  kStride, parts);
    }
    Moments whole = plain.moments();
    add_moments_plain(one.extent, one.z.data(), kStride, whole);
    EXPECT_EQ(parts.count, whole.count);
    EXPECT_TRUE(near(fast.mean, plain.mean, kTolerance));
    EXPECT_TRUE(near(fast.squares, plain.squares, kTolerance));
  });
}

// Deviation 1 around 10,000: a plain float32 sum of squares would lose it altogether.
TEST(Rows, AMeanFarFromZeroCostsTheVarianceNothing) {
  const std::vector<float> z = samples(200 * 16, 1, 10000);
  Kept fast, plain;
  Moments left = fast.moments(), right = plain.moments();
  add_moments({200, 16}, z.data(), 16, left);
  add_moments_plain({200, 16}, z.data(), 16, right);
  EXPECT_TRUE(near(fast.squares, plain.squares, kTolerance));
}

}  // namespace
}  // namespace concertina::kernels
