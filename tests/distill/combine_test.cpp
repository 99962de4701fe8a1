// Golden numbers (tests/golden/golden.py), and the formulas of docs/methods.md in plain LibTorch.
#include "concertina/distill/combine.h"

#include <cmath>

#include "concertina/core/error.h"

#include "distill/samples.h"
#include "golden/golden.h"

namespace concertina {
namespace {

std::vector<at::Tensor> golden_members() {
  return {golden_tensor(golden::kTeacher), golden_tensor(golden::kStudent)};
}

// Every combiner's gradient in one of two members.
void expect_slopes(const std::function<at::Tensor(const at::Tensor&)>& target, at::IntArrayRef at) {
  const at::Tensor point = random_numbers(at, 30);
  const at::Tensor weights = random_numbers(target(point).sizes(), 31);
  EXPECT_TRUE(has_its_slopes([&](auto& x) { return (target(x) * weights).sum(); }, point));
}

TEST(Combine, MeanLogitsIsTheMean) {
  const std::vector<at::Tensor> members = golden_members();
  EXPECT_TRUE(close(mean_logits(members), (members[0] + members[1]) / 2, 1e-15));
  EXPECT_TRUE(same_bytes(mean_logits({members[0]}), members[0]));
  expect_slopes([&](auto& x) { return mean_logits({x, members[1]}); }, {2, 3});
}

TEST(Combine, MeanProbabilitiesIsGolden) {
  const at::Tensor target = mean_probabilities(golden_members(), 4);
  EXPECT_TRUE(is_golden(target, golden::kMeanProbabilities));
}

TEST(Combine, MeanProbabilitiesHaveTheMeanSoftmax) {
  std::vector<at::Tensor> members;
  for (const std::uint64_t seed : {1, 2, 3}) members.push_back(3 * random_numbers({4, 5}, seed));
  for (const double t : {1.0, 4.0}) {
    at::Tensor mean = at::zeros({4, 5}, at::kDouble);
    for (const at::Tensor& z : members) mean += at::softmax(z / t, 1) / 3;
    EXPECT_TRUE(close(at::softmax(mean_probabilities(members, t) / t, 1), mean, 1e-13));
    const at::Tensor alone = mean_probabilities({members[0]}, t);
    EXPECT_TRUE(close(at::softmax(alone / t, 1), at::softmax(members[0] / t, 1), 1e-13));
    expect_slopes([&](auto& x) { return mean_probabilities({x, members[1], x}, t); }, {4, 5});
  }
}

TEST(Combine, MeanProbabilitiesOfExtremeLogitsAreFinite) {
  const at::Tensor a = at::tensor({1e4, -1e4, 0.0}, at::kFloat).view({1, 3});
  const auto sum = [&](const at::Tensor& x) { return mean_probabilities({x, -x}, 1).sum(); };
  EXPECT_TRUE(at::isfinite(sum(a)).item<bool>());
  EXPECT_TRUE(at::isfinite(gradient_of(sum, a)).all().item<bool>());
}

TEST(Combine, GatedLogitsAreTheWeightedSum) {
  const std::vector<at::Tensor> members = golden_members();
  const at::Tensor gate = at::tensor({0.25, 0.75, 1.0, 0.0}, at::kDouble).view({2, 2});
  const at::Tensor target = gated_logits(members, gate);
  EXPECT_TRUE(close(target[0], members[0][0] / 4 + members[1][0] * 3 / 4, 1e-15));
  EXPECT_TRUE(same_bytes(target[1], members[0][1]));
  expect_slopes([&](auto& x) { return gated_logits({x, members[1]}, gate); }, {2, 3});
  expect_slopes([&](auto& x) { return gated_logits(members, x); }, {2, 2});
  EXPECT_TRUE(same_bytes(gated_logits({members[0]}, at::ones({2, 1}, at::kDouble)), members[0]));
}

TEST(Combine, AttentionIsGolden) {
  const at::Tensor keys = golden_tensor(golden::kKeys);
  const at::Tensor target =
      attention_logits(golden_tensor(golden::kQueries), {keys[0], keys[1]}, golden_members());
  EXPECT_TRUE(is_golden(target, golden::kAttention));
}

// OKDDip's queries and keys learn through the target only.
TEST(Combine, AttentionReachesQueriesKeysAndMembers) {
  const std::vector<at::Tensor> members = golden_members();
  const at::Tensor q = random_numbers({2, 4}, 5);
  const at::Tensor k = random_numbers({2, 4}, 6);
  expect_slopes([&](auto& x) { return attention_logits(x, {q, k}, members); }, {2, 4});
  expect_slopes([&](auto& x) { return attention_logits(q, {x, k}, members); }, {2, 4});
  expect_slopes([&](auto& x) { return attention_logits(q, {q, k}, {x, members[1]}); }, {2, 3});
}

TEST(Combine, AttentionOfExtremeScoresIsFinite) {
  const std::vector<at::Tensor> members{at::full({1, 3}, 1e4), at::full({1, 3}, -1e4)};
  const auto sum = [&](const at::Tensor& x) {
    return attention_logits(x, {at::full({1, 2}, 1e4), at::full({1, 2}, -1e4)}, members).sum();
  };
  EXPECT_EQ(sum(at::full({1, 2}, 1e4)).item<double>(), 3e4);
  EXPECT_TRUE(at::isfinite(gradient_of(sum, at::full({1, 2}, 1e4))).all().item<bool>());
}

TEST(AttentionLogits, RefusesAMemberWithoutAKey) {
  const at::Tensor one = random_numbers({2, 3}, 1);
  try {
    attention_logits(one, {one}, {one, one});
    FAIL() << "accepted";
  } catch (const ProgrammingError& error) {
    EXPECT_STREQ(error.what(), "attention: 1 keys; expected 2, one for each member");
  }
}

}  // namespace
}  // namespace concertina
