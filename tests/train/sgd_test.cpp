#include "concertina/train/sgd.h"

#include <limits>

#include <gmock/gmock.h>
#include <torch/optim/sgd.h>

#include "concertina/core/error.h"

#include "support/tensors.h"

namespace concertina {
namespace {

std::vector<Parameter> parameters() {
  std::vector<Parameter> result;
  for (const bool matrix : {true, false}) {
    at::manual_seed(matrix ? 1 : 2);
    result.push_back({matrix ? "a/weight" : "a/bias", at::randn({4, 3}).set_requires_grad(true),
                      "out,in", matrix});
  }
  return result;
}

void put_gradients(std::vector<Parameter>& all, std::uint64_t seed) {
  at::manual_seed(seed);
  for (Parameter& one : all) one.value.mutable_grad() = at::randn({4, 3});
}

TEST(Sgd, StepsAsTorchDoes) {
  for (const bool nesterov : {false, true}) {
    Recipe recipe;
    recipe.nesterov = nesterov;
    recipe.weight_decay = 0.01;
    recipe.decay_on = DecayOn::all;
    auto ours = parameters();
    auto theirs = parameters();
    Sgd sgd(ours, recipe);
    torch::optim::SGD reference(
        {theirs[0].value, theirs[1].value},
        torch::optim::SGDOptions(0.1).momentum(0.9).nesterov(nesterov).weight_decay(0.01));
    for (std::uint64_t step = 0; step < 5; ++step) {
      put_gradients(ours, step);
      put_gradients(theirs, step);
      sgd.step(0.1);
      reference.step();
    }
    for (std::size_t k = 0; k < ours.size(); ++k) {
      EXPECT_TRUE(close(ours[k].value, theirs[k].value, 1e-6));  // fp32 roundings
    }
  }
}

TEST(Sgd, DecaysMatricesOnlyUnlessTold) {
  for (const DecayOn decay_on : {DecayOn::weights, DecayOn::all}) {
    Recipe recipe;
    recipe.weight_decay = 0.1;
    recipe.decay_on = decay_on;
    auto all = parameters();
    const at::Tensor bias = all[1].value.detach().clone();
    const at::Tensor weight = all[0].value.detach().clone();
    for (Parameter& one : all) one.value.mutable_grad() = at::zeros({4, 3});
    Sgd(all, recipe).step(0.1);
    EXPECT_FALSE(same_bytes(weight, all[0].value));
    EXPECT_EQ(bool(same_bytes(bias, all[1].value)), decay_on == DecayOn::weights);
  }
}

TEST(Sgd, NamesTheParameterWhoseGradientIsNotFinite) {
  auto all = parameters();
  put_gradients(all, 1);
  Sgd sgd(all, Recipe());
  EXPECT_GT(sgd.gradient_norm(), 0);
  all[1].value.mutable_grad()[2][1] = std::numeric_limits<float>::infinity();
  try {
    sgd.gradient_norm();
    FAIL() << "accepted";
  } catch (const DivergedError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("\"a/bias\""));
  }
}

// The fused engine keeps what it made of a weight until the weight's version changes.
TEST(Sgd, AStepCountsAsAChangeOfTheWeight) {
  const at::Tensor value = at::ones({4}).set_requires_grad(true);
  value.mutable_grad() = at::ones({4});
  Sgd sgd({{"layer/weight", value, "out", true}}, Recipe());
  const auto before = value._version();
  sgd.step(0.1);
  EXPECT_NE(value._version(), before);
}

}  // namespace
}  // namespace concertina
