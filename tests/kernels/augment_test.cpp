#include "concertina/kernels/augment.h"

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace concertina::kernels {

static std::string text_of(const ImageShape& shape) {
  return std::to_string(shape.channels) + "x" + std::to_string(shape.height) + "x" +
         std::to_string(shape.width);
}

// Without it, test names hold the bytes of the parameter.
static void PrintTo(const ImageShape& shape, std::ostream* out) { *out << text_of(shape); }

namespace {

// The fast kernel multiplies by 1 / (255 deviation) where the plain one divides twice: both round
// at most a few times, on values of a few units.
constexpr float kTolerance = 2e-6F;

const std::vector<float> kMean = {0.4914F, 0.4822F, 0.4465F};
const std::vector<float> kDeviation = {0.2470F, 0.2435F, 0.2616F};

std::vector<std::uint8_t> pictures(ImageShape shape, std::int64_t count) {
  std::vector<std::uint8_t> bytes(
      static_cast<std::size_t>(count * shape.channels * shape.height * shape.width));
  std::uint32_t state = 1;
  for (auto& byte : bytes)
    byte = static_cast<std::uint8_t>((state = state * 1664525U + 1013904223U) >> 24U);
  return bytes;
}

using Kernel = decltype(&augment);

std::vector<float> run(Kernel kernel, ImageShape shape, const std::vector<Placement>& placements) {
  const auto images = pictures(shape, 3);
  std::vector<float> out(
      placements.size() * static_cast<std::size_t>(shape.channels * shape.height * shape.width),
      std::nanf(""));
  kernel(images.data(), shape, placements.data(), static_cast<std::int64_t>(placements.size()),
         kMean.data(), kDeviation.data(), out.data());
  return out;
}

void expect_same(const std::vector<float>& fast, const std::vector<float>& plain) {
  ASSERT_EQ(fast.size(), plain.size());
  for (std::size_t i = 0; i < fast.size(); ++i)
    ASSERT_NEAR(fast[i], plain[i], kTolerance) << "at element " << i;
}

class AugmentShapes : public ::testing::TestWithParam<ImageShape> {};

TEST_P(AugmentShapes, FastEqualsPlainForEveryShiftAndFlip) {
  const auto shape = GetParam();
  std::vector<Placement> placements;
  for (std::int32_t dy = -4; dy <= 4; ++dy)
    for (std::int32_t dx = -4; dx <= 4; ++dx)
      for (const bool flip : {false, true}) placements.push_back({(dy + dx + 8) % 3, dy, dx, flip});
  expect_same(run(augment, shape, placements), run(augment_plain, shape, placements));
}

INSTANTIATE_TEST_SUITE_P(All, AugmentShapes,
                         ::testing::Values(ImageShape{3, 32, 32}, ImageShape{1, 28, 28},
                                           ImageShape{3, 8, 8}, ImageShape{2, 5, 7},
                                           ImageShape{1, 1, 1}),
                         [](const auto& shape) { return text_of(shape.param); });

TEST(Augment, ShiftsBeyondTheImageLeaveOnlyPadding) {
  const std::vector<Placement> far = {{0, 40, 0, false}, {1, 0, 33, true}, {2, -32, -99, false}};
  const auto fast = run(augment, {3, 32, 32}, far);
  expect_same(fast, run(augment_plain, {3, 32, 32}, far));
  EXPECT_NEAR(fast.front(), -kMean[0] / kDeviation[0], kTolerance);
}

TEST(Augment, NoShiftNormalizesThePixelItself) {
  const std::uint8_t image[] = {0, 51, 255};
  const Placement here{0, 0, 0, false};
  const float mean = 0.2F, deviation = 0.5F;
  float out[3];
  augment(image, {1, 1, 3}, &here, 1, &mean, &deviation, out);
  EXPECT_NEAR(out[0], -0.4, kTolerance);
  EXPECT_NEAR(out[1], 0.0, kTolerance);
  EXPECT_NEAR(out[2], 1.6, kTolerance);
}

TEST(Augment, ShiftIsTakenBeforeTheMirror) {
  const std::uint8_t image[] = {10, 20, 30, 40};
  const Placement one_right{0, 0, 1, true};  // the crop is 20 30 40 0, mirrored 0 40 30 20
  const float mean = 0, deviation = 1.0F / 255;
  float out[4];
  augment(image, {1, 1, 4}, &one_right, 1, &mean, &deviation, out);
  const float expected[] = {0, 40, 30, 20};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(out[i], expected[i], 1e-4) << i;
}

}  // namespace
}  // namespace concertina::kernels
