#include "concertina/train/sgd.h"

#include <cmath>
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
// Plain steps with rate 1 and no momentum: what is left is what the hooks did.
struct Hooked {
  explicit Hooked(const Recipe& recipe) : sgd(all, recipe) {
    for (Parameter& one : all) one.value.mutable_grad() = at::zeros_like(one.value.detach());
  }
  static Recipe plain() {
    Recipe recipe;
    recipe.momentum = 0;
    recipe.nesterov = false;
    recipe.weight_decay = 0;
    return recipe;
  }
  static at::Tensor leaf(const std::vector<float>& values, at::IntArrayRef sizes) {
    return at::tensor(values).reshape(sizes).set_requires_grad(true);
  }
  std::vector<Parameter> all{
      {"conv/weight", leaf({3, 4, 0.3F, 0.4F}, {2, 2, 1, 1}), "out,in,height,width", true},
      {"w0.500/conv.norm/weight", leaf({2, -0.5F}, {2}), "channel", false, true},
      {"classifier/weight", leaf({0.5F, -0.2F}, {1, 2}), "out,in", true}};
  Sgd sgd;
};

TEST(Sgd, SparsityDrawsTheNormsToZero) {
  Recipe recipe = Hooked::plain();
  recipe.sparsity = 0.1;
  Hooked one(recipe);
  one.sgd.step(1, /*sparse=*/false);
  EXPECT_EQ(one.all[1].value[0].item<float>(), 2);
  one.sgd.step(1);
  EXPECT_TRUE(close(one.all[1].value, at::tensor({1.9F, -0.4F}), 1e-6));
  EXPECT_EQ(one.all[0].value[0][0][0][0].item<float>(), 3);
}

TEST(Sgd, TheProximalStepShrinksWeightsOrFilters) {
  Recipe recipe = Hooked::plain();
  recipe.proximal = Proximal::l1;
  recipe.proximal_weight = 0.35;
  Hooked each(recipe);
  each.sgd.step(1);
  EXPECT_TRUE(close(each.all[0].value.flatten(), at::tensor({2.65F, 3.65F, 0.0F, 0.05F}), 1e-6));
  EXPECT_TRUE(close(each.all[2].value.flatten(), at::tensor({0.15F, 0.0F}), 1e-6));
  recipe.proximal = Proximal::filters;  // lengths 5 and 0.5, groups of 2: 0.35 sqrt(2) = 0.495
  Hooked whole(recipe);
  whole.sgd.step(1);
  const float kept = 1 - 0.35F * std::sqrt(2.0F) / 5, rest = 1 - 0.35F * std::sqrt(2.0F) / 0.5F;
  EXPECT_TRUE(close(whole.all[0].value.flatten(),
                    at::tensor({3 * kept, 4 * kept, 0.3F * rest, 0.4F * rest}), 1e-6));
  EXPECT_EQ(whole.all[2].value[0][0].item<float>(), 0.5F);  // a linear layer has no filters
}

TEST(Sgd, TheProximalStepLeavesWhatThePlanLearns) {
  Recipe recipe = Hooked::plain();
  recipe.proximal = Proximal::l1;
  recipe.proximal_weight = 0.35;
  Parameter adapter{"distill/edge1.w0.500.w1.000/conv/weight",
                    at::ones({2, 2, 1, 1}).set_requires_grad(true), "", true};
  adapter.value.mutable_grad() = at::zeros_like(adapter.value.detach());
  Sgd({adapter}, recipe).step(1);
  EXPECT_EQ(adapter.value[0][0][0][0].item<float>(), 1);
}

TEST(Sgd, TrainsOnlyWhatItIsTold) {
  Hooked one(Hooked::plain());
  for (Parameter& parameter : one.all) {
    parameter.value.mutable_grad() = at::ones_like(parameter.value.detach());
  }
  one.sgd.train_only({"classifier", "conv.norm"});
  one.sgd.step(0.5);
  EXPECT_EQ(one.all[0].value[0][0][0][0].item<float>(), 3);
  EXPECT_EQ(one.all[1].value[0].item<float>(), 1.5F);
  EXPECT_EQ(one.all[2].value[0][0].item<float>(), 0);
  one.sgd.train_only({});
  one.sgd.step(0.5);
  EXPECT_EQ(one.all[0].value[0][0][0][0].item<float>(), 2.5F);
}

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
