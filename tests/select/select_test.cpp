#include "concertina/select/select.h"

#include <limits>

#include <gmock/gmock.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using testing::ElementsAre;

Measurement row(int width, std::int64_t macs, double accuracy, double latency) {
  Measurement made;
  made.subnet = {Width::from_thousandths(width), 1};
  made.id = made.subnet.width.label();
  made.cost.macs = macs;
  made.cost.params = macs / 10;
  made.cost.bytes = 4 * made.cost.params;
  made.cost.peak_activation_bytes = 1024 * width;
  made.accuracy = accuracy;
  made.loss = 1 - accuracy;
  made.latency_median = latency;
  made.latency_p95 = 2 * latency;
  return made;
}

std::vector<Measurement> four() {
  return {row(250, 3'000'000, 0.712, 0.001), row(500, 12'200'000, 0.83, 0.0025),
          row(750, 27'000'000, 0.871, 0.0045), row(1000, 46'000'000, 0.902, 0.007)};
}

std::vector<std::string> ids(const std::vector<Measurement>& rows) {
  std::vector<std::string> names;
  for (const Measurement& each : rows) names.push_back(each.id);
  return names;
}

std::string refusal(const std::vector<Measurement>& rows, const Budget& budget) {
  try {
    return "chose " + choose(rows, budget).id;
  } catch (const NoChoiceError& error) {
    EXPECT_EQ(error.kind(), ErrorKind::no_choice);
    return error.what();
  }
}

TEST(Budget, IsEmptyUntilALimitIsSet) {
  Budget budget;
  EXPECT_TRUE(budget.empty());
  EXPECT_EQ(budget.text(), "");
  budget.min_accuracy = 0.0;
  EXPECT_FALSE(budget.empty());
}

TEST(Budget, TextNamesEveryLimit) {
  Budget budget;
  budget.max_macs = 15e6;
  budget.max_params = 1500;
  budget.max_bytes = 64.0 * 1024 * 1024;
  budget.max_memory = 512;
  budget.max_latency = 0.004;
  budget.min_accuracy = 0.85;
  EXPECT_EQ(budget.text(),
            "max-macs=15M max-params=1.5k max-bytes=64MiB max-memory=512B max-latency=4.00ms "
            "min-accuracy=85.00%");
}

TEST(Budget, TextIsExactWhereTheShortOneIsNot) {
  Budget budget;
  budget.max_macs = 15040001;
  budget.max_bytes = 100001;
  budget.max_latency = 0.0012345;
  budget.min_accuracy = 0.85123;
  EXPECT_EQ(budget.text(),
            "max-macs=15040001 max-bytes=100001B max-latency=0.0012345s min-accuracy=0.85123");
}

TEST(Budget, TextTakesLimitsThatNoOptionGives) {
  Budget budget;
  budget.max_macs = -1;
  budget.max_latency = std::numeric_limits<double>::infinity();
  budget.min_accuracy = 1.5;
  EXPECT_EQ(budget.text(), "max-macs=-1 max-latency=infs min-accuracy=1.5");
}

TEST(Fits, HoldsEachLimitIncludingItsBound) {
  const Measurement one = row(500, 1000, 0.5, 0.25);
  const auto at = [&](std::optional<double> Budget::*bound, double value) {
    Budget budget;
    budget.*bound = value;
    return fits(one, budget);
  };
  EXPECT_TRUE(fits(one, Budget()));
  EXPECT_TRUE(at(&Budget::max_macs, 1000) && !at(&Budget::max_macs, 999));
  EXPECT_TRUE(at(&Budget::max_params, 100) && !at(&Budget::max_params, 99));
  EXPECT_TRUE(at(&Budget::max_bytes, 400) && !at(&Budget::max_bytes, 399));
  EXPECT_TRUE(at(&Budget::max_memory, 512000) && !at(&Budget::max_memory, 511999));
  EXPECT_TRUE(at(&Budget::max_latency, 0.25) && !at(&Budget::max_latency, 0.249));
  EXPECT_TRUE(at(&Budget::min_accuracy, 0.5) && !at(&Budget::min_accuracy, 0.501));
}

TEST(CostAxis, IsReadFromItsNameAndGivesItsFigure) {
  const Measurement one = row(500, 1000, 0.5, 0.25);
  EXPECT_EQ(cost_of(one, parse_cost_axis("macs")), 1000);
  EXPECT_EQ(cost_of(one, parse_cost_axis("params")), 100);
  EXPECT_EQ(cost_of(one, parse_cost_axis("bytes")), 400);
  EXPECT_EQ(cost_of(one, parse_cost_axis("memory")), 512000);
  EXPECT_EQ(cost_of(one, parse_cost_axis("latency")), 0.25);
  try {
    parse_cost_axis("latncy");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "unknown cost \"latncy\"; did you mean \"latency\"? known: macs params bytes "
                 "memory latency");
  }
}

TEST(ParetoFront, LeavesOutBeatenTiedAndUnmeasuredRows) {
  std::vector<Measurement> rows = four();
  rows.push_back(row(600, 12'200'000, 0.83, 0.003));  // ties with 500 in both
  rows.push_back(row(700, 12'200'000, 0.82, 0.003));
  rows.push_back(row(800, 40'000'000, 0.871, 0.003));
  rows.insert(rows.begin(), row(100, 1, std::numeric_limits<double>::quiet_NaN(), 0.0001));
  EXPECT_THAT(ids(pareto_front(rows, CostAxis::macs)),
              ElementsAre("w0.250", "w0.500", "w0.750", "w1.000"));
  EXPECT_THAT(ids(pareto_front(rows, CostAxis::latency)),
              ElementsAre("w0.250", "w0.500", "w0.800", "w1.000"));
  EXPECT_TRUE(pareto_front({}, CostAxis::macs).empty());
}

TEST(Choose, TakesTheMostAccurateThatFits) {
  Budget budget;
  EXPECT_EQ(choose(four(), budget).id, "w1.000");
  budget.max_macs = 30e6;
  EXPECT_EQ(choose(four(), budget).id, "w0.750");
  budget.max_latency = 0.004;
  EXPECT_EQ(choose(four(), budget).id, "w0.500");
  budget.min_accuracy = 0.83;
  EXPECT_EQ(choose(four(), budget).id, "w0.500");
}

TEST(Choose, BreaksTiesByMacsThenLatencyThenSize) {
  std::vector<Measurement> rows = {row(900, 20, 0.5, 0.001), row(800, 10, 0.5, 0.003)};
  EXPECT_EQ(choose(rows, {}).id, "w0.800");
  rows.push_back(row(950, 10, 0.5, 0.002));
  EXPECT_EQ(choose(rows, {}).id, "w0.950");
  rows.push_back(row(700, 10, 0.5, 0.002));
  EXPECT_EQ(choose(rows, {}).id, "w0.700");
}

TEST(Choose, NeverTakesARowWithoutAccuracy) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(choose({row(250, 1, nan, 1), row(500, 2, 0.1, 1), row(750, 3, nan, 1)}, {}).id,
            "w0.500");
  EXPECT_EQ(refusal({row(250, 1, nan, 1)}, {}),
            "no sub-model has a measured accuracy to choose by");
  EXPECT_EQ(refusal({}, {}), "no sub-model has a measured accuracy to choose by");
}

TEST(NoChoice, NamesTheCheapestByTheLimitThatLeavesNothing) {
  Budget budget;
  budget.max_macs = 1e6;
  budget.min_accuracy = 0.85;
  EXPECT_EQ(refusal(four(), budget),
            "no sub-model fits max-macs=1M min-accuracy=85.00%: the cheapest, w0.250, needs 3M "
            "MACs");
  budget = {};
  budget.max_latency = 0.0005;
  EXPECT_EQ(refusal(four(), budget),
            "no sub-model fits max-latency=500.00us: the cheapest, w0.250, needs 1.00ms a batch");
}

TEST(NoChoice, NamesTheMostAccurateWithinTheOtherLimits) {
  Budget budget;
  budget.max_macs = 15e6;
  budget.min_accuracy = 0.85;
  EXPECT_EQ(refusal(four(), budget),
            "no sub-model fits max-macs=15M min-accuracy=85.00%: the most accurate within "
            "max-macs=15M, w0.500, reaches 83.00% accuracy; the cheapest, w0.250, reaches 71.20% "
            "accuracy");
}

TEST(NoChoice, NamesTheCheapestOfThoseWithinTheLimitsBefore) {
  std::vector<Measurement> rows = {row(250, 10, 0.5, 0.004), row(500, 20, 0.6, 0.001)};
  Budget budget;
  budget.max_macs = 15;
  budget.max_latency = 0.002;
  EXPECT_EQ(refusal(rows, budget),
            "no sub-model fits max-macs=15 max-latency=2.00ms: the cheapest within max-macs=15, "
            "w0.250, needs 4.00ms a batch");
}

TEST(NoChoice, ShowsAFigureThatRoundsToTheLimitInFull) {
  Budget budget;
  budget.max_macs = 3e6;
  EXPECT_EQ(refusal({row(250, 3'000'001, 0.7, 0.001)}, budget),
            "no sub-model fits max-macs=3M: the cheapest, w0.250, needs 3000001 MACs");
}

TEST(ChoiceText, HoldsTheSubModelTheBudgetAndWhereTheFiguresCameFrom) {
  Budget budget;
  budget.max_macs = 15e6;
  SweepSetting setting;
  setting.images = 10000;
  setting.threads = 2;
  setting.repetitions = 50;
  setting.warm_up = 5;
  setting.processor = "A processor";
  setting.run_sha256 = "abc";
  EXPECT_EQ(choice_text(choose(four(), budget), budget, setting, "runs/one"),
            "[choice]\nsubmodel = w0.500\nwidth = 0.5\nexit = 1\nbudget = max-macs=15M\n\n"
            "[figures]\naccuracy = 0.83\nloss = 0.17000000000000004\nmacs = 12200000\n"
            "params = 1220000\nbytes = 4880000\npeak_activation_bytes = 512000\n"
            "latency_median_s = 0.0025\nlatency_p95_s = 0.005\n\n"
            "[measured]\nrun = runs/one\nrun_sha256 = abc\nsplit = test\nimages = 10000\n"
            "batch = 1\nthreads = 2\nrepetitions = 50\nwarm_up = 5\ndevice = cpu\n"
            "processor = A processor\n");
}

TEST(ChoiceText, SaysThatThereWasNoBudget) {
  const std::string text = choice_text(four().front(), {}, {}, "r");
  EXPECT_NE(text.find("budget = none\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace concertina
