#include "concertina/distill/adversary.h"

#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

#include "distill/samples.h"

namespace concertina {
namespace {

AttackSetting setting_of(int steps, bool random_start) {
  AttackSetting setting;
  setting.steps = steps;
  setting.random_start = random_start;
  setting.mean = {0.5F, 0.25F};
  setting.deviation = {0.25F, 0.5F};
  return setting;
}

at::Tensor channels(const std::vector<float>& values) {
  return at::tensor(at::ArrayRef<float>(values), at::kDouble).view({-1, 1, 1});
}
at::Tensor normalized(const at::Tensor& pixels, const AttackSetting& setting) {
  return (pixels - channels(setting.mean)) / channels(setting.deviation);
}
at::Tensor pixels_of(const at::Tensor& images, const AttackSetting& setting) {
  return images * channels(setting.deviation) + channels(setting.mean);
}

// Black, white and all between, so that both the range and the ball cut.
at::Tensor pixels() { return random_numbers({4, 2, 3, 3}, 1).clamp(0, 1); }

// Smooth, not linear.
at::Tensor curved(const at::Tensor& images) { return (images.sin() * images.square()).sum(); }

TEST(Adversary, StaysInTheBallAndInThePixelRange) {
  for (const bool random_start : {false, true}) {
    for (const int steps : {0, 1, 7}) {
      AttackSetting setting = setting_of(steps, random_start);
      setting.step = 3.0 / 255;
      const at::Tensor found = projected_gradient(curved, normalized(pixels(), setting), setting);
      const at::Tensor there = pixels_of(found, setting);
      EXPECT_LE((there - pixels()).abs().max().item<double>(), setting.epsilon + 1e-12);
      EXPECT_GE(there.min().item<double>(), -1e-12);
      EXPECT_LE(there.max().item<double>(), 1 + 1e-12);
      EXPECT_FALSE(found.requires_grad());
    }
  }
}

TEST(Adversary, RaisesTheLoss) {
  const AttackSetting setting = setting_of(10, true);
  const at::Tensor images = normalized(pixels(), setting);
  const double before = curved(images).item<double>();
  EXPECT_GT(curved(projected_gradient(curved, images, setting)).item<double>(), before);
  const AttackSetting fgsm = setting_of(1, false);
  EXPECT_GT(curved(projected_gradient(curved, images, fgsm)).item<double>(), before);
}

// The most a linear loss can get is every pixel as far as it may go along its weight's sign.
TEST(Adversary, OfALinearLossIsTheClosedForm) {
  const at::Tensor weights = random_numbers({2, 3, 3}, 2);
  weights[0][0][0].fill_(0);  // does not matter, so is not moved without a random start
  const auto loss = [&](const at::Tensor& images) { return (images * weights).sum(); };
  for (const int steps : {1, 10}) {
    AttackSetting setting = setting_of(steps, false);
    if (steps == 1) setting.step = setting.epsilon;  // FGSM
    const at::Tensor best = (pixels() + setting.epsilon * weights.sign()).clamp(0, 1);
    const at::Tensor found = projected_gradient(loss, normalized(pixels(), setting), setting);
    EXPECT_TRUE(close(pixels_of(found, setting), best, 1e-12)) << steps;
  }
  // One step of a quarter of the ball's radius.
  const AttackSetting quarter = setting_of(1, false);
  const at::Tensor there = (pixels() + 2.0 / 255 * weights.sign()).clamp(0, 1);
  const at::Tensor found = projected_gradient(loss, normalized(pixels(), quarter), quarter);
  EXPECT_TRUE(close(pixels_of(found, quarter), there, 1e-12));
}

TEST(Adversary, ARandomStartFillsTheBallAndDependsOnSeedCounterAndPlace) {
  AttackSetting setting = setting_of(0, true);
  const at::Tensor gray = normalized(at::full({2, 2, 40, 40}, 0.5, at::kDouble), setting);
  const auto start = [&](std::uint64_t seed, std::uint32_t counter) {
    setting.seed = seed;
    setting.counter = counter;
    return projected_gradient(curved, gray, setting);
  };
  const at::Tensor first = start(1, 2);
  EXPECT_TRUE(same_bytes(first, start(1, 2)));
  EXPECT_FALSE(same_bytes(first, start(2, 2)));
  EXPECT_FALSE(same_bytes(first, start(1, 3)));
  EXPECT_FALSE(same_bytes(first[0], first[1]));
  const at::Tensor moved = (pixels_of(first, setting) - 0.5) / setting.epsilon;
  EXPECT_NEAR(moved.mean().item<double>(), 0, 5 / std::sqrt(3.0 * 6400));
  EXPECT_NEAR(moved.square().mean().item<double>(), 1.0 / 3, 0.02);
  EXPECT_LT(moved.min().item<double>(), -0.99);
  EXPECT_GT(moved.max().item<double>(), 0.99);
}

TEST(Adversary, TheSameSeedGivesTheSameBytes) {
  const AttackSetting setting = setting_of(5, true);
  const at::Tensor images = normalized(pixels(), setting).to(at::kFloat);
  const at::Tensor found = projected_gradient(curved, images, setting);
  EXPECT_EQ(found.scalar_type(), at::kFloat);
  EXPECT_TRUE(same_bytes(found, projected_gradient(curved, images, setting)));
}

TEST(Adversary, LeavesImagesAndParametersAlone) {
  const at::Tensor weight = random_numbers({2, 3, 3}, 3).set_requires_grad(true);
  const auto loss = [&](const at::Tensor& images) { return (images * weight).square().sum(); };
  const AttackSetting setting = setting_of(3, true);
  const at::Tensor images = normalized(pixels(), setting);
  const at::Tensor kept = images.clone();
  const at::Tensor found = projected_gradient(loss, images, setting);
  EXPECT_FALSE(weight.grad().defined());
  EXPECT_TRUE(same_bytes(images, kept));
  EXPECT_FALSE(images.requires_grad());
  const c10::AutoGradMode disabled(false);
  EXPECT_TRUE(same_bytes(projected_gradient(loss, images, setting), found));
}

TEST(ProjectedGradient, RefusesANormalizationOfOtherChannels) {
  const auto loss = [](const at::Tensor& images) { return images.sum(); };
  try {
    projected_gradient(loss, random_numbers({1, 3, 2, 2}, 1), setting_of(1, false));
    FAIL() << "accepted";
  } catch (const ProgrammingError& error) {
    EXPECT_STREQ(error.what(),
                 "attack: a normalization of 2 channels; expected 3, as the images have");
  }
}

}  // namespace
}  // namespace concertina
