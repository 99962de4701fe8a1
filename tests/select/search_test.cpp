#include "concertina/select/search.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"

namespace concertina {
namespace {

using testing::HasSubstr;

Layer convolution(const std::string& name, int input, int channels, int stage) {
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::conv;
  layer.inputs = {input};
  layer.channels = channels;
  layer.elastic = true;
  layer.stage = stage;
  return layer;
}

// Three stages of one 1x1 convolution each, 64 channels, and an exit behind the last two.
NetSpec three_stages() {
  NetSpec net;
  net.name = "three-stages";
  net.classes = 10;
  net.in_channels = 3;
  net.in_height = net.in_width = 8;
  net.widths = {Width::parse("0.25"), Width()};
  net.layers = {Layer{}};
  net.layers[0].name = "input";
  for (int stage = 0; stage < 3; ++stage) {
    const int source = stage == 0 ? 0 : 3 * (stage - 1) + 1;
    const std::string name = "stage" + std::to_string(stage + 1);
    net.layers.push_back(convolution(name, source, 64, stage));
    const int map = static_cast<int>(net.layers.size()) - 1;
    Layer pool, linear;
    pool.name = name + ".pool";
    pool.kind = LayerKind::pool;
    pool.inputs = {map};
    linear.name = name + ".linear";
    linear.kind = LayerKind::linear;
    linear.inputs = {map + 1};
    linear.channels = net.classes;
    net.layers.push_back(pool);
    net.layers.push_back(linear);
    if (stage > 0) net.exits.push_back(map + 2);
  }
  check(net);
  return net;
}

SearchSpace space_of(const NetSpec& net) {
  return SearchSpace(net, net.exit_count(), net.widths, 50);
}

// Worth more with every share, by another amount a stage: stage 1 hardly counts.
double worth(const Subnet& subnet) {
  constexpr double kWeights[] = {0.02, 0.5, 0.2};
  double sum = 0;
  for (int stage = 0; stage < 3; ++stage) {
    sum += kWeights[stage] * std::sqrt(subnet.width.value(stage));
  }
  return sum;
}

struct Trial {
  NetSpec net = three_stages();
  SearchSpace space = space_of(net);
  int evaluations = 0;
  int allowed = 1 << 30;  // evaluations, then it is told to stop
  std::vector<std::string> tasks;
  SearchArchive archive{space,
                        {[this](const Subnet& subnet) -> std::optional<Quality> {
                           if (evaluations == allowed) return std::nullopt;
                           ++evaluations;
                           return Quality{worth(subnet), 1 - worth(subnet)};
                         },
                         [this](const std::string& task, double share) {
                           EXPECT_GE(share, 0);
                           EXPECT_LE(share, 1);
                           if (tasks.empty() || tasks.back() != task) tasks.push_back(task);
                         }}};

  double best(const Budget& budget) const { return choose(archive.rows(), budget).accuracy; }
};

Budget max_macs(double macs) {
  Budget budget;
  budget.max_macs = macs;
  return budget;
}

// Of the whole space.
double optimum(const SearchSpace& space, const Budget& budget) {
  double best = 0;
  for (int a = 0; a < space.options(0); ++a) {
    for (int b = 0; b < space.options(1); ++b) {
      for (int c = 0; c < space.options(2); ++c) {
        const Measurement row = space.describe({a, b, c});
        if (fits(row, budget)) best = std::max(best, worth(row.subnet));
      }
    }
  }
  return best;
}

double best_uniform(const SearchSpace& space, const Budget& budget) {
  double best = 0;
  for (const Choices& choices : space.uniform()) {
    const Measurement row = space.describe(choices);
    if (fits(row, budget)) best = std::max(best, worth(row.subnet));
  }
  return best;
}

std::vector<std::string> ids(const SearchArchive& archive) {
  std::vector<std::string> result;
  for (const Measurement& row : archive.rows()) result.push_back(row.id);
  return result;
}

TEST(SearchSpace, HasEachNetworkOnce) {
  const NetSpec net = three_stages();
  const SearchSpace space = space_of(net);
  EXPECT_EQ(space.stages(), 3);
  EXPECT_EQ(space.options(0), 7);  // 16, 24, ... 64 channels
  EXPECT_EQ(space.size(), 343);
  std::set<std::vector<int>> seen;
  for (int a = 0; a < 7; ++a) {
    for (int b = 0; b < 7; ++b) {
      for (int c = 0; c < 7; ++c) {
        std::vector<int> channels;
        const Measurement row = space.describe({a, b, c});
        for (const ResolvedLayer& layer : resolve(net, row.subnet).layers) {
          channels.push_back(layer.out_channels);
        }
        EXPECT_TRUE(seen.insert(channels).second) << row.id;
      }
    }
  }
}

TEST(SearchSpace, NamesUniformWidthsAsTheRunDoes) {
  NetSpec net = three_stages();
  net.widths.insert(net.widths.begin() + 1, Width::parse("0.51"));
  const SearchSpace space(net, 2, net.widths, 50);
  std::vector<std::string> names;
  for (const Choices& choices : space.uniform()) names.push_back(space.describe(choices).id);
  EXPECT_THAT(names, testing::Contains("w0.510-e2"));
  EXPECT_THAT(names, testing::Not(testing::Contains("w0.500-e2")));
  EXPECT_EQ(names.front(), "w0.250-e2");
  EXPECT_EQ(space.describe(space.widest()).id, "w1.000-e2");
  EXPECT_EQ(space.describe({0, 6, 6}).id, "w0.250-1.000-e2");
}

TEST(SearchSpace, LeavesStagesBehindTheExitAlone) {
  const NetSpec net = three_stages();
  EXPECT_EQ(SearchSpace(net, 1, net.widths, 50).stages(), 2);
  EXPECT_THROW(SearchSpace(net, 3, net.widths, 50), UsageError);
  EXPECT_THROW(SearchSpace(net, 1, net.widths, 0), UsageError);
}

TEST(SearchSpace, ReachesDownToTheLeastShareTrainedInAStage) {
  const NetSpec net = three_stages();
  const SearchSpace space(net, 2, {Width::parse("0.5,0.25,0.75"), Width()}, 50);
  EXPECT_EQ(space.describe(space.narrowest()).id, "w0.500-0.250-0.750-e2");
}

TEST(SearchSpace, TakesNoBits) {
  EXPECT_THROW(SearchSpace(three_stages(), 1, parse_widths("0.5@4 1"), 100), UsageError);
}

TEST(Greedy, FindsTheOptimumOfASeparableFunction) {
  Trial trial;
  const double full = static_cast<double>(trial.space.describe(trial.space.widest()).cost.macs);
  for (const double share : {0.8, 0.5, 0.3}) {
    const Budget budget = max_macs(share * full);
    ASSERT_TRUE(search_greedy(trial.archive, budget));
    EXPECT_GT(trial.best(budget), best_uniform(trial.space, budget)) << share;
    EXPECT_GE(trial.best(budget), 0.99 * optimum(trial.space, budget)) << share;
  }
}

TEST(Greedy, EndsWithinEveryLimit) {
  Trial trial;
  Budget budget;
  budget.max_params = 4000;
  budget.max_memory = 14000;
  ASSERT_TRUE(search_greedy(trial.archive, budget));
  EXPECT_TRUE(fits(trial.archive.rows().back(), budget) ||
              fits(choose(trial.archive.rows(), budget), budget));
}

TEST(Greedy, OfALargerBudgetIsItsOwnBeginning) {
  Trial small, large;
  ASSERT_TRUE(search_greedy(small.archive, max_macs(200e3)));
  ASSERT_TRUE(search_greedy(large.archive, max_macs(400e3)));
  EXPECT_LT(large.evaluations, small.evaluations);
  EXPECT_GE(small.best(max_macs(400e3)), 0.99 * large.best(max_macs(400e3)));
}

TEST(Evolution, FindsTheOptimumMoreOftenThanRandomAndIsNeverWorseThanUniform) {
  int by_search = 0, by_random = 0;  // optima found
  const Budget budget = max_macs(250e3);
  const double most = optimum(Trial().space, budget);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Trial trial;
    ASSERT_TRUE(search_evolution(trial.archive, budget, {8, 6, seed}));
    EXPECT_GE(trial.best(budget), best_uniform(trial.space, budget));
    by_search += trial.best(budget) == most;
    Trial random;  // as many, but no generation after the first
    ASSERT_TRUE(search_evolution(random.archive, budget, {trial.evaluations, 0, seed}));
    EXPECT_GE(random.evaluations, trial.evaluations);
    by_random += random.best(budget) == most;
  }
  EXPECT_GE(by_search, by_random + 5);
}

TEST(Evolution, EvaluatesNothingTwiceAndNothingOutsideTheBudget) {
  Trial trial;
  const Budget budget = max_macs(250e3);
  ASSERT_TRUE(search_evolution(trial.archive, budget, {12, 5, 3}));
  const std::vector<std::string> all = ids(trial.archive);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(trial.evaluations, static_cast<int>(all.size()));
  EXPECT_EQ(all.size(), 12U * 6U);
  for (const Measurement& row : trial.archive.rows()) EXPECT_TRUE(fits(row, budget)) << row.id;
  ASSERT_TRUE(search_greedy(trial.archive, budget));
  const int with_greedy = trial.evaluations;
  ASSERT_TRUE(search_greedy(trial.archive, budget));
  EXPECT_EQ(trial.evaluations, with_greedy);
}

TEST(Evolution, DependsOnTheSeedAlone) {
  const auto tried = [](std::uint64_t seed) {
    Trial trial;
    EXPECT_TRUE(search_evolution(trial.archive, max_macs(250e3), {8, 4, seed}));
    return ids(trial.archive);
  };
  EXPECT_EQ(tried(1), tried(1));
  EXPECT_NE(tried(1), tried(2));
}

TEST(Evolution, EndsWhenEveryNetworkIsKnown) {
  Trial trial;
  const Measurement least = trial.space.describe(trial.space.narrowest());
  const Budget budget = max_macs(static_cast<double>(least.cost.macs));
  ASSERT_TRUE(search_evolution(trial.archive, budget, {8, 4, 1}));
  EXPECT_EQ(ids(trial.archive), std::vector<std::string>{"w0.250-e2"});
}

TEST(Evolution, GoesOnFromWhatGreedyFound) {
  Trial trial;
  const Budget budget = max_macs(250e3);
  ASSERT_TRUE(search_greedy(trial.archive, budget));
  const double before = trial.best(budget);
  ASSERT_TRUE(search_evolution(trial.archive, budget, {8, 4, 1}));
  EXPECT_GE(trial.best(budget), before);
  EXPECT_THAT(trial.tasks,
              testing::ElementsAre("greedy", "generation 0/4", "generation 1/4", "generation 2/4",
                                   "generation 3/4", "generation 4/4"));
}

TEST(Search, StopsWhenItIsToldTo) {
  for (const int allowed : {0, 1, 5, 30}) {
    Trial greedy, evolution;
    greedy.allowed = evolution.allowed = allowed;
    EXPECT_FALSE(search_greedy(greedy.archive, max_macs(150e3)));
    EXPECT_FALSE(search_evolution(evolution.archive, max_macs(250e3), {8, 6, 1}));
    EXPECT_EQ(greedy.archive.rows().size(), static_cast<std::size_t>(allowed));
    EXPECT_EQ(evolution.archive.rows().size(), static_cast<std::size_t>(allowed));
  }
}

TEST(Search, OfABudgetThatNothingMeetsNamesTheCheapest) {
  Trial trial;
  for (const bool greedy : {true, false}) {
    try {
      if (greedy) {
        search_greedy(trial.archive, max_macs(10));
      } else {
        search_evolution(trial.archive, max_macs(10), {});
      }
      FAIL() << "expected an error";
    } catch (const NoChoiceError& error) {
      EXPECT_THAT(error.what(),
                  HasSubstr("no sub-model fits max-macs=10: the cheapest, w0.250-e2"));
    }
  }
  EXPECT_EQ(trial.evaluations, 0);
}

}  // namespace
}  // namespace concertina
