#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/recipe/recipe.h"

namespace concertina {
namespace {

using testing::ElementsAre;

Width width(int thousandths) { return Width::from_thousandths(thousandths); }

std::vector<int> active(std::int64_t random_widths, std::int64_t step, std::uint64_t seed = 1) {
  Recipe recipe;
  recipe.random_widths = random_widths;
  recipe.seed = seed;
  std::vector<int> out;
  for (const Width each : active_widths(recipe, {width(250), width(500), width(1000)}, step)) {
    out.push_back(each.thousandths());
  }
  return out;
}

TEST(ActiveWidths, AllListedWidestFirst) {
  EXPECT_THAT(active(-1, 3), ElementsAre(1000, 500, 250));
}

TEST(ActiveWidths, NoneDrawnLeavesTheWidestAndTheNarrowest) {
  EXPECT_THAT(active(0, 3), ElementsAre(1000, 250));
}

TEST(ActiveWidths, DrawsDifferentWidthsStrictlyBetween) {
  for (int step = 0; step < 300; ++step) {
    const auto found = active(5, step);
    ASSERT_EQ(found.size(), 7U);
    EXPECT_EQ(found.front(), 1000);
    EXPECT_EQ(found.back(), 250);
    for (std::size_t i = 1; i < found.size(); ++i) EXPECT_LT(found[i], found[i - 1]);
  }
}

TEST(ActiveWidths, DrawsOverTheWholeRange) {
  std::set<int> seen;
  double sum = 0;
  for (int step = 0; step < 3000; ++step) {
    const int drawn = active(1, step)[1];
    seen.insert(drawn);
    sum += drawn;
  }
  EXPECT_EQ(*seen.begin() / 10, 25);
  EXPECT_EQ(*seen.rbegin() / 10, 99);
  EXPECT_NEAR(sum / 3000, 625, 15);  // the mean of 251..999; 15 is four standard errors
}

TEST(ActiveWidths, DependOnSeedAndStepOnly) {
  const auto before = active(2, 77);
  active(2, 78);
  EXPECT_EQ(active(2, 77), before);
  EXPECT_NE(active(2, 78), before);
  EXPECT_NE(active(2, 77, 2), before);
}

TEST(ActiveWidths, TakeAllBetweenWhenThereAreFewer) {
  Recipe recipe;
  recipe.random_widths = 5;
  EXPECT_THAT(active_widths(recipe, {width(997), width(1000)}, 0),
              ElementsAre(width(1000), width(999), width(998), width(997)));
  EXPECT_THAT(active_widths(recipe, {width(1000)}, 0), ElementsAre(width(1000)));
}

}  // namespace
}  // namespace concertina
