#include "concertina/recipe/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

namespace concertina {
namespace {

constexpr std::int64_t kEpochs = 20;
constexpr std::int64_t kSteps = 50;  // an epoch
constexpr std::int64_t kTotal = kEpochs * kSteps;

LrSchedule schedule(LrKind kind) {
  LrSchedule lr;
  lr.kind = kind;
  lr.peak = 0.4;
  return lr;
}

double at(const LrSchedule& lr, std::int64_t step) { return lr.at(step, kTotal, kSteps); }

TEST(LrSchedule, ConstantStays) {
  for (const std::int64_t step : {0, 1, 500, 999}) {
    EXPECT_EQ(at(schedule(LrKind::constant), step), 0.4);
  }
}

TEST(LrSchedule, MultistepCutsAtItsMilestones) {
  LrSchedule lr = schedule(LrKind::multistep);
  lr.milestones = {0.5, 0.75};
  EXPECT_DOUBLE_EQ(at(lr, 0), 0.4);
  EXPECT_DOUBLE_EQ(at(lr, 499), 0.4);
  EXPECT_DOUBLE_EQ(at(lr, 500), 0.04);
  EXPECT_DOUBLE_EQ(at(lr, 749), 0.04);
  EXPECT_DOUBLE_EQ(at(lr, 750), 0.004);
}

TEST(LrSchedule, MultistepMilestonesThatAreNoBinaryFractionFallOnTheirStep) {
  LrSchedule lr = schedule(LrKind::multistep);
  lr.milestones = {0.07, 0.29};  // times 100 a little above 7 and a little below 29
  EXPECT_DOUBLE_EQ(lr.at(6, 100, 1), 0.4);
  EXPECT_DOUBLE_EQ(lr.at(7, 100, 1), 0.04);
  EXPECT_DOUBLE_EQ(lr.at(28, 100, 1), 0.04);
  EXPECT_DOUBLE_EQ(lr.at(29, 100, 1), 0.004);
}

TEST(LrSchedule, ExponentialMovesOnceAnEpoch) {
  LrSchedule lr = schedule(LrKind::exponential);
  lr.gamma = 0.98;
  EXPECT_DOUBLE_EQ(at(lr, 49), 0.4);
  EXPECT_DOUBLE_EQ(at(lr, 50), 0.4 * 0.98);
  EXPECT_DOUBLE_EQ(at(lr, 999), 0.4 * std::pow(0.98, 19));
}

TEST(LrSchedule, LinearMovesEveryStep) {
  LrSchedule lr = schedule(LrKind::linear);
  lr.final_lr = 0.1;
  for (const std::int64_t step : {0, 1, 250, 999}) {
    EXPECT_NEAR(at(lr, step), 0.4 - 0.3 * static_cast<double>(step) / kTotal, 1e-12);
  }
}

TEST(LrSchedule, CosineFollowsHalfACosine) {
  LrSchedule lr = schedule(LrKind::cosine);
  lr.final_lr = 0.1;
  EXPECT_NEAR(at(lr, 0), 0.4, 1e-12);
  EXPECT_NEAR(at(lr, 250), 0.1 + 0.3 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(at(lr, 500), 0.25, 1e-12);
  EXPECT_NEAR(at(lr, kTotal), 0.1, 1e-12);
}

TEST(LrSchedule, WarmUpRisesFromZero) {
  LrSchedule lr = schedule(LrKind::linear);
  lr.warmup_epochs = 4;
  EXPECT_EQ(at(lr, 0), 0);
  EXPECT_NEAR(at(lr, 50), 0.1, 1e-12);
  EXPECT_NEAR(at(lr, 200), 0.4, 1e-12);
  EXPECT_NEAR(at(lr, 600), 0.2, 1e-12);
}

TEST(LrSchedule, OneCycleRisesFromATwentyFifth) {
  LrSchedule lr = schedule(LrKind::one_cycle);
  lr.warmup_epochs = 4;
  EXPECT_NEAR(at(lr, 0), 0.016, 1e-12);
  EXPECT_NEAR(at(lr, 100), 0.208, 1e-12);
  EXPECT_NEAR(at(lr, 200), 0.4, 1e-12);
  EXPECT_NEAR(at(lr, 600), 0.2, 1e-12);
  EXPECT_NEAR(at(lr, kTotal), 0, 1e-12);
}

TEST(LrSchedule, WarmUpTakesAtMostHalfTheRun) {
  LrSchedule lr = schedule(LrKind::one_cycle);
  lr.warmup_epochs = 15;
  EXPECT_NEAR(at(lr, 500), 0.4, 1e-12);
  EXPECT_NEAR(at(lr, 750), 0.2, 1e-12);
}

TEST(LrSchedule, ExponentialCountsFromTheEndOfTheWarmUp) {
  LrSchedule lr = schedule(LrKind::exponential);
  lr.warmup_epochs = 2;
  EXPECT_DOUBLE_EQ(at(lr, 149), 0.4);
  EXPECT_DOUBLE_EQ(at(lr, 150), 0.04);
}

TEST(LrSchedule, SmoothKindsNeverJump) {
  for (const LrKind kind : {LrKind::linear, LrKind::cosine, LrKind::one_cycle}) {
    LrSchedule lr = schedule(kind);
    lr.warmup_epochs = 3.3;
    for (std::int64_t step = 1; step < kTotal; ++step) {
      EXPECT_LT(std::abs(at(lr, step) - at(lr, step - 1)), 0.004) << "step " << step;
    }
  }
}

TEST(LrSchedule, DependsOnThePlaceOnly) {
  LrSchedule lr = schedule(LrKind::one_cycle);
  lr.warmup_epochs = 3;
  const double before = at(lr, 321);
  for (std::int64_t step = kTotal; step > 0; --step) at(lr, step);
  EXPECT_EQ(at(lr, 321), before);
}

}  // namespace
}  // namespace concertina
