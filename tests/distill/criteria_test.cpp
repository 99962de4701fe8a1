// Golden numbers of METHODS.md section 8: they check this code against the formulas written there.
#include "concertina/distill/criteria.h"

#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace concertina {
namespace {

constexpr double kDigits = 5e-7;  // the golden numbers show six decimals; fp64 here

at::Tensor matrix(std::vector<double> values) {
  return at::tensor(values, at::kDouble).reshape({2, 3});
}
const at::Tensor& student() {
  static const at::Tensor logits = matrix({1, 2, 3, 0.5, -1, 0});
  return logits;
}
const at::Tensor& teacher() {
  static const at::Tensor logits = matrix({2, 1, 0, 0, 0, 3});
  return logits;
}

double loss(Criterion criterion, double temperature, Reduction reduction, int t_power) {
  Edge edge;
  edge.criterion = criterion;
  edge.temperature = temperature;
  edge.reduction = reduction;
  edge.t_power = t_power;
  return distillation_loss(edge, teacher(), student()).item<double>();
}

TEST(Criteria, CrossEntropyIsGolden) {
  EXPECT_NEAR(cross_entropy(at::tensor({2, 0}, at::kLong), student()).item<double>(), 0.505868,
              kDigits);
}

TEST(Criteria, KlAtTemperatureOneIsGolden) {
  EXPECT_NEAR(loss(Criterion::kl, 1, Reduction::sum, 0), 1.150421 + 0.760176, 2 * kDigits);
  EXPECT_NEAR(loss(Criterion::kl, 1, Reduction::batchmean, 2), 0.955298, kDigits);
  EXPECT_NEAR(loss(Criterion::kl, 1, Reduction::elementmean, 2), 0.318433, kDigits);
  EXPECT_NEAR(loss(Criterion::soft_ce, 1, Reduction::batchmean, 0), 1.554793, kDigits);
}

TEST(Criteria, KlAtTemperatureFourIsGolden) {
  EXPECT_NEAR(loss(Criterion::kl, 4, Reduction::sum, 0), 0.082477 + 0.069717, 2 * kDigits);
  EXPECT_NEAR(loss(Criterion::kl, 4, Reduction::batchmean, 2), 1.217550, kDigits);
  EXPECT_NEAR(loss(Criterion::kl, 4, Reduction::elementmean, 2), 0.405850, kDigits);
  EXPECT_NEAR(loss(Criterion::soft_ce, 4, Reduction::batchmean, 0), 1.129881, kDigits);
  EXPECT_NEAR(loss(Criterion::kl, 4, Reduction::batchmean, 1), 1.217550 / 4, kDigits);
}

TEST(Criteria, GradientsAreGolden) {
  for (const auto& [temperature, first] : {std::pair{1.0, -0.287605}, {4.0, -0.329907}}) {
    for (const Criterion criterion : {Criterion::kl, Criterion::soft_ce}) {
      Edge edge;
      edge.criterion = criterion;
      edge.temperature = temperature;
      edge.t_power = 2;
      const at::Tensor leaf = student().clone().set_requires_grad(true);
      const at::Tensor value = distillation_loss(edge, teacher(), leaf);
      const at::Tensor gradient = torch::autograd::grad({value}, {leaf})[0];
      EXPECT_NEAR(gradient[0][0].item<double>(), first, kDigits);
      EXPECT_NEAR(gradient[0][1].item<double>(), 0, kDigits);
      EXPECT_NEAR(gradient[0][2].item<double>(), -first, kDigits);
    }
  }
}

}  // namespace
}  // namespace concertina
