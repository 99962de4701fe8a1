#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/select/select.h"

namespace concertina {
namespace {

using Bound = std::optional<double> Budget::*;
constexpr std::array<Bound, 5> kCosts = {&Budget::max_macs, &Budget::max_params, &Budget::max_bytes,
                                         &Budget::max_memory, &Budget::max_latency};
constexpr std::array<CostAxis, 5> kAxes = {CostAxis::macs, CostAxis::params, CostAxis::bytes,
                                           CostAxis::memory, CostAxis::latency};

// Few different values, so that ties are common.
std::vector<Measurement> random_rows(CounterRandom& random) {
  std::vector<Measurement> rows(1 + random.below(8));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Measurement& row = rows[i];
    row.id = std::to_string(i);
    row.subnet = {Width::from_thousandths(1 + static_cast<int>(i)), 1};
    row.cost = {random.below(6), 0, random.below(6), random.below(6), random.below(6)};
    row.latency_median = random.below(6);
    row.accuracy = random.below(6) / 5.0;
  }
  return rows;
}

Budget random_budget(CounterRandom& random) {
  Budget budget;
  for (const Bound bound : kCosts) {
    if (random.below(2) == 0) budget.*bound = random.below(7);
  }
  if (random.below(3) == 0) budget.min_accuracy = random.below(6) / 5.0;
  return budget;
}

// Each limit is kept, moved outwards or dropped.
Budget looser(Budget budget, CounterRandom& random) {
  for (const Bound bound : kCosts) {
    if (budget.*bound) budget.*bound = *(budget.*bound) + random.below(3);
    if (random.below(4) == 0) (budget.*bound).reset();
  }
  if (budget.min_accuracy) budget.min_accuracy = *budget.min_accuracy - random.below(3) / 5.0;
  if (random.below(4) == 0) budget.min_accuracy.reset();
  return budget;
}

std::optional<Measurement> choice(const std::vector<Measurement>& rows, const Budget& budget) {
  try {
    return choose(rows, budget);
  } catch (const NoChoiceError&) {
    return std::nullopt;
  }
}

TEST(Choice, OfALooserBudgetIsNeverLessAccurate) {
  CounterRandom random(1, Stream::bench);
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::vector<Measurement> rows = random_rows(random);
    const Budget tight = random_budget(random);
    const Budget loose = looser(tight, random);
    const auto of_tight = choice(rows, tight);
    if (!of_tight) continue;
    const auto of_loose = choice(rows, loose);
    ASSERT_TRUE(of_loose) << tight.text() << " / " << loose.text();
    ASSERT_GE(of_loose->accuracy, of_tight->accuracy) << tight.text() << " / " << loose.text();
    ++compared;
  }
  EXPECT_GT(compared, 5000);
}

TEST(Choice, FitsAndNoFittingRowIsMoreAccurate) {
  CounterRandom random(2, Stream::bench);
  for (int i = 0; i < 5000; ++i) {
    const std::vector<Measurement> rows = random_rows(random);
    const Budget budget = random_budget(random);
    const auto chosen = choice(rows, budget);
    ASSERT_TRUE(!chosen || fits(*chosen, budget));
    for (const Measurement& row : rows) {
      ASSERT_TRUE(!fits(row, budget) || (chosen && row.accuracy <= chosen->accuracy));
    }
  }
}

TEST(Choice, DoesNotDependOnTheOrderOfTheRows) {
  CounterRandom random(3, Stream::bench);
  for (int i = 0; i < 5000; ++i) {
    std::vector<Measurement> rows = random_rows(random);
    const Budget budget = random_budget(random);
    const auto forwards = choice(rows, budget);
    std::reverse(rows.begin(), rows.end());
    const auto backwards = choice(rows, budget);
    ASSERT_EQ(forwards.has_value(), backwards.has_value());
    ASSERT_TRUE(!forwards || forwards->id == backwards->id);
  }
}

bool beats(const Measurement& a, const Measurement& b, CostAxis axis) {
  const double left = cost_of(a, axis);
  const double right = cost_of(b, axis);
  return a.accuracy >= b.accuracy && left <= right && (a.accuracy > b.accuracy || left < right);
}

TEST(ParetoFront, IsTheUnbeatenRowsCheapestFirst) {
  CounterRandom random(4, Stream::bench);
  for (int i = 0; i < 5000; ++i) {
    const std::vector<Measurement> rows = random_rows(random);
    const CostAxis axis = kAxes[random.below(kAxes.size())];
    std::vector<std::string> expected;
    for (const Measurement& row : rows) {
      const auto same = std::find_if(rows.begin(), rows.end(), [&](const Measurement& other) {
        return other.accuracy == row.accuracy && cost_of(other, axis) == cost_of(row, axis);
      });
      const bool beaten = std::any_of(rows.begin(), rows.end(), [&](const Measurement& other) {
        return beats(other, row, axis);
      });
      if (!beaten && same->id == row.id) expected.push_back(row.id);
    }
    const std::vector<Measurement> front = pareto_front(rows, axis);
    ASSERT_EQ(front.size(), expected.size());
    for (std::size_t k = 0; k < front.size(); ++k) {
      ASSERT_NE(std::find(expected.begin(), expected.end(), front[k].id), expected.end());
      ASSERT_TRUE(k == 0 || cost_of(front[k - 1], axis) < cost_of(front[k], axis));
    }
  }
}

}  // namespace
}  // namespace concertina
