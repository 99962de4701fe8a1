// Golden numbers: docs/methods.md, Golden numbers (Schedules).
#include "concertina/recipe/value_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;

Moment at_share(double share) { return {0, share}; }
Moment at_epoch(double epoch) { return {epoch, 0}; }

TEST(ValueSchedule, RampIsGolden) {
  const ValueSchedule ramp = parse_schedule("ramp(1,80e)");
  const double expected[] = {.006738, .060055, .286505, .731616, 1, 1};
  for (int k = 0; k < 6; ++k) EXPECT_NEAR(ramp.at(at_epoch(20 * k)), expected[k], 5e-7) << k;
  EXPECT_EQ(ramp.at(at_epoch(20.9)), ramp.at(at_epoch(20)));  // once an epoch, as published
  EXPECT_NEAR(parse_schedule("ramp(2,0.4)").at(at_share(0.2)), 2 * .286505, 1e-6);
}

TEST(ValueSchedule, ExponentialIsGolden) {
  const ValueSchedule fading = parse_schedule("exponential(100,0.7)");
  const std::pair<int, double> expected[] = {{0, 100},       {5, 16.807},   {10, 2.824752},
                                             {12, 1.384129}, {13, .968890}, {20, .079792}};
  for (const auto& [epoch, value] : expected) {
    EXPECT_NEAR(fading.at(at_epoch(epoch + 0.5)), value, 5e-7) << epoch;
  }
  const ValueSchedule floored = parse_schedule("exponential(8,0.5,1.5)");
  EXPECT_EQ(floored.at(at_epoch(2)), 2);
  EXPECT_EQ(floored.at(at_epoch(3)), 1.5);
}

TEST(ValueSchedule, LinesAndCosinesRunBetweenTheirTurns) {
  EXPECT_DOUBLE_EQ(parse_schedule("linear(8,1)").at(at_share(0.5)), 4.5);
  const ValueSchedule line = parse_schedule("linear(1,0,0.2,0.6)");
  EXPECT_EQ(line.at(at_share(0.1)), 1);
  EXPECT_DOUBLE_EQ(line.at(at_share(0.5)), 0.25);
  EXPECT_EQ(line.at(at_share(0.9)), 0);
  const ValueSchedule wave = parse_schedule("cosine(1,0,0e,10e)");
  EXPECT_DOUBLE_EQ(wave.at(at_epoch(5)), 0.5);
  EXPECT_NEAR(wave.at(at_epoch(2.5)), 0.853553, 1e-6);
}

TEST(ValueSchedule, StepsTurnAtTheirPlaces) {
  const ValueSchedule steps = parse_schedule("step(1,0.5@0.25,0@0.5)");
  EXPECT_EQ(steps.at(at_share(0.24)), 1);
  EXPECT_EQ(steps.at(at_share(0.25)), 0.5);
  EXPECT_EQ(steps.at(at_share(0.5)), 0);
}

TEST(ValueSchedule, PrintsWhatItReads) {
  for (const char* text : {"0.5", "linear(8,1)", "linear(1,0,0.2,0.6)", "cosine(1,0,0e,10e)",
                           "exponential(100,0.7)", "exponential(8,0.9,1)", "ramp(1,80e)",
                           "ramp(1,0.267)", "step(1,0@0.5)", "step(0,1@3e,2@6e)"}) {
    EXPECT_EQ(schedule_text(parse_schedule(text)), text);
  }
}

TEST(ValueSchedule, RangeHoldsEveryValue) {
  for (const char* text : {"linear(8,1)", "cosine(1,3)", "exponential(100,0.7)",
                           "exponential(8,0.9,1)", "ramp(2,80e)", "step(1,5@0.5,0@0.8)"}) {
    const ValueSchedule schedule = parse_schedule(text);
    const auto [low, high] = schedule.range();
    for (int k = 0; k <= 100; ++k) {
      const double value = schedule.at({static_cast<double>(k), k / 100.0});
      EXPECT_GE(value, low) << text;
      EXPECT_LE(value, high) << text;
    }
  }
}

TEST(ValueSchedule, RefusesInOneLine) {
  const auto refused = [](const char* text) { return refusal([&] { parse_schedule(text); }); };
  EXPECT_THAT(refused("lineal(1,0)"), HasSubstr("did you mean \"linear\"?"));
  for (const char* text : {"", "x", "linear(1,0", "linear(1)", "step(1,2)", "ramp(1)",
                           "exponential(1,0.5,2)", "ramp(1,0)"}) {
    EXPECT_THAT(refused(text), HasSubstr("expected a number, linear(A,B)")) << text;
  }
  EXPECT_THAT(refused("ramp(1,2)"), HasSubstr("a share of the run, 0 to 1, or an epoch"));
  EXPECT_THAT(refused("linear(1,0,0.6,0.2)"), HasSubstr("two rising turns"));
  EXPECT_THAT(refused("exponential(1,2)"), HasSubstr("expected a factor above 0 and at most 1"));
}

}  // namespace
}  // namespace concertina
