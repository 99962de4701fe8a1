// Golden numbers (tests/golden/golden.py): the formulas of docs/methods.md, Losses, in Python.
#include "concertina/distill/criteria.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "golden/golden.h"

namespace concertina {
namespace {

constexpr double kDigits = 2e-12;  // the golden numbers have twelve decimals; fp64 here

at::Tensor matrix(const double (&rows)[2][3]) {
  return at::tensor(at::ArrayRef<double>(&rows[0][0], 6), at::kDouble).reshape({2, 3});
}
const at::Tensor& student() {
  static const at::Tensor logits = matrix(golden::kStudent);
  return logits;
}
const at::Tensor& teacher() {
  static const at::Tensor logits = matrix(golden::kTeacher);
  return logits;
}

Edge edge_of(Criterion criterion, double temperature, Reduction reduction, int t_power) {
  Edge edge;
  edge.criterion = criterion;
  edge.temperature = temperature;
  edge.reduction = reduction;
  edge.t_power = t_power;
  return edge;
}

double loss(const Edge& edge) {
  return distillation_loss(edge, teacher(), student()).item<double>();
}

TEST(Criteria, CrossEntropyIsGolden) {
  const at::Tensor labels = at::tensor(at::ArrayRef<int>(golden::kLabels), at::kLong);
  EXPECT_NEAR(cross_entropy(labels, student()).item<double>(), golden::kCrossEntropy, kDigits);
}

TEST(Criteria, DistillationIsGolden) {
  for (const golden::Distillation& expected : golden::kDistillations) {
    const double t = expected.temperature;
    const auto kl = [&](Reduction reduction, int t_power) {
      return loss(edge_of(Criterion::kl, t, reduction, t_power));
    };
    EXPECT_NEAR(kl(Reduction::sum, 0), expected.kl[0] + expected.kl[1], 2 * kDigits) << t;
    EXPECT_NEAR(kl(Reduction::batchmean, 2), expected.kl_batchmean, kDigits) << t;
    EXPECT_NEAR(kl(Reduction::batchmean, 1), expected.kl_batchmean / t, kDigits) << t;
    EXPECT_NEAR(kl(Reduction::elementmean, 2), expected.kl_elementmean, kDigits) << t;
    EXPECT_NEAR(loss(edge_of(Criterion::soft_ce, t, Reduction::batchmean, 0)),
                expected.soft_ce_batchmean, kDigits)
        << t;
  }
}

// The entropy of the teacher, by which the two criteria differ, has no gradient in the student.
TEST(Criteria, GradientsAreGolden) {
  for (const golden::Distillation& expected : golden::kDistillations) {
    for (const Criterion criterion : {Criterion::kl, Criterion::soft_ce}) {
      const Edge edge = edge_of(criterion, expected.temperature, Reduction::batchmean, 2);
      const at::Tensor leaf = student().clone().set_requires_grad(true);
      const at::Tensor value = distillation_loss(edge, teacher(), leaf);
      const at::Tensor gradient = torch::autograd::grad({value}, {leaf})[0];
      const double difference = gradient.sub(matrix(expected.gradient)).abs().max().item<double>();
      EXPECT_LT(difference, kDigits) << expected.temperature;
    }
  }
}

}  // namespace
}  // namespace concertina
