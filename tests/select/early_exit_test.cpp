#include "concertina/select/early_exit.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::int64_t> kMacs = {10, 30, 100};

// Eight images; exit k is right about those whose number is below 3 (k + 1).
ExitScores example() {
  return {{{0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F, 0.3F, 0.2F},
           {0.3F, 0.3F, 0.9F, 0.8F, 0.7F, 0.6F, 0.5F, 0.4F},
           {0.9F, 0.9F, 0.9F, 0.9F, 0.9F, 0.9F, 0.9F, 0.9F}},
          {{1, 1, 1, 0, 0, 0, 0, 0}, {1, 1, 1, 1, 1, 1, 0, 0}, {1, 1, 1, 1, 1, 1, 1, 1}}};
}

TEST(EarlyExit, EachImageLeavesAtTheFirstExitThatIsSureEnough) {
  ExitPolicy policy;
  policy.thresholds = {0.8F, 0.7F, 0};
  const ExitPolicy used = use_exit_policy(policy, example(), kMacs);
  EXPECT_THAT(used.shares, ElementsAre(0.25, 0.375, 0.375));
  EXPECT_DOUBLE_EQ(used.average_macs, (2 * 10 + 3 * 30 + 3 * 100) / 8.0);
  EXPECT_DOUBLE_EQ(used.accuracy, 1);
  policy.thresholds = {0, 0, 0};
  EXPECT_DOUBLE_EQ(use_exit_policy(policy, example(), kMacs).accuracy, 0.375);
  policy.thresholds = {kNobodyLeaves, kNobodyLeaves, 0};
  EXPECT_DOUBLE_EQ(use_exit_policy(policy, example(), kMacs).average_macs, 100);
}

// p = 1: a third at each exit, whole images: floor(8 / 3) = 2.
TEST(EarlyExit, ThresholdsLetTheWantedSharesGo) {
  bool found = false;
  for (const ExitPolicy& policy : fit_exit_policies(example(), kMacs)) {
    if (policy.shares != std::vector<double>{0.25, 0.25, 0.5}) continue;
    found = true;
    EXPECT_THAT(policy.thresholds, ElementsAre(0.8F, 0.8F, 0));
  }
  EXPECT_TRUE(found);
}

TEST(EarlyExit, PoliciesAscendFromTheFirstExitToTheLast) {
  const std::vector<ExitPolicy> policies = fit_exit_policies(example(), kMacs);
  ASSERT_GT(policies.size(), 3U);
  for (std::size_t k = 1; k < policies.size(); ++k) {
    EXPECT_GE(policies[k].average_macs, policies[k - 1].average_macs);
    EXPECT_NE(policies[k].thresholds, policies[k - 1].thresholds);
  }
  EXPECT_LT(policies.front().average_macs, 25);
  EXPECT_GT(policies.back().average_macs, 60);
}

// All images equally sure: whoever reaches the threshold leaves, however many were wanted.
TEST(EarlyExit, TiesLeaveTogether) {
  ExitScores scores = example();
  scores.confidence[0].assign(8, 1.0F);
  for (const ExitPolicy& policy : fit_exit_policies(scores, kMacs)) {
    const bool someone_leaves = policy.thresholds[0] <= 1;
    EXPECT_DOUBLE_EQ(policy.shares[0], someone_leaves ? 1 : 0);
  }
}

TEST(EarlyExit, TheChoiceIsTheMostAccurateWithinTheBudget) {
  const std::vector<ExitPolicy> policies = fit_exit_policies(example(), kMacs);
  double last = 0;
  for (const double budget : {25.0, 40.0, 60.0, 80.0, 200.0}) {
    const ExitPolicy& choice = choose_exit_policy(policies, budget);
    EXPECT_LE(choice.average_macs, budget);
    EXPECT_GE(choice.accuracy, last);
    last = choice.accuracy;
  }
  try {
    choose_exit_policy(policies, 5);
    FAIL() << "accepted";
  } catch (const NoChoiceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the cheapest needs"));
  }
}

}  // namespace
}  // namespace concertina
