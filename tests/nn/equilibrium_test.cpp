// Gradient equilibrium (docs/methods.md): what the exits behind a block give it, averaged.
#include <map>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/nets/catalog.h"
#include "concertina/nn/flexible_net.h"

#include "support/tensors.h"

namespace concertina {
namespace {

// One scale only, so that every block passes everything on through the map that its exit reads.
NetSpec chain() {
  return make_net("msdnet-tiny", {10, 3, 16, 16},
                  {"scale-factors=1", "bottleneck-factors=1", "widths=1"});
}

struct Passed {
  std::vector<at::Tensor> logits;
  std::map<std::string, at::Tensor> gradients;
};

// The gradients of the sum of the logits' squares of some exits.
Passed run(GradientFlow flow, const std::vector<std::size_t>& exits,
           const NetSpec& spec = chain()) {
  FlexibleNet net(spec, {Width()}, {NormSharing::switchable, 0.1, flow}, 1, at::kCPU);
  net.set_engine(Engine::plain);
  Passed passed;
  passed.logits = net.forward(random_images({4, 3, 16, 16}), {Width(), 3}, Pass::train);
  at::Tensor loss = at::zeros({});
  for (const std::size_t exit : exits) loss = loss + at::sum(at::square(passed.logits[exit]));
  torch::autograd::backward({loss}, {});
  for (const Parameter& one : net.weights()) passed.gradients[one.name] = one.value.grad();
  return passed;
}

TEST(GradientEquilibrium, ChangesNoAnswer) {
  const Passed sum = run(GradientFlow::sum, {0}), equal = run(GradientFlow::equilibrium, {0});
  for (std::size_t k = 0; k < 3; ++k) EXPECT_TRUE(same_bytes(sum.logits[k], equal.logits[k]));
}

TEST(GradientEquilibrium, ABlockGetsTheAverageOfTheExitsBehindIt) {
  const Passed all = run(GradientFlow::equilibrium, {0, 1, 2});
  std::vector<Passed> one_exit;
  for (std::size_t k = 0; k < 3; ++k) one_exit.push_back(run(GradientFlow::sum, {k}));
  const auto of = [&](std::size_t k, const std::string& name) {
    return one_exit[k].gradients.at(name);
  };
  const std::string first = "first.scale0.conv/weight";
  EXPECT_TRUE(
      close(all.gradients.at(first), (of(0, first) + of(1, first) + of(2, first)) / 3, 1e-4));
  // msdnet-tiny: two layers before the first exit, one in each further block.
  const std::string second = "layer3.scale0.same.conv/weight";
  EXPECT_TRUE(close(all.gradients.at(second), (of(1, second) + of(2, second)) / 2, 1e-4));
  const std::string third = "layer4.scale0.same.conv/weight";
  EXPECT_TRUE(close(all.gradients.at(third), of(2, third), 1e-4));
  for (std::size_t k = 0; k < 3; ++k) {
    const std::string head = "exit" + std::to_string(k + 1) + ".classifier/weight";
    EXPECT_TRUE(close(all.gradients.at(head), of(k, head), 1e-4));
  }
}

TEST(GradientEquilibrium, BranchesOfOneMapAreAveraged) {
  const NetSpec spec = make_net("branched-mobilenet-v1-tiny", {10, 3, 16, 16});
  const std::string stem = "stem.conv/weight";
  at::Tensor mean;
  for (const std::size_t exit : {0U, 1U, 2U}) {
    const at::Tensor one = run(GradientFlow::sum, {exit}, spec).gradients.at(stem) / 3;
    mean = mean.defined() ? mean + one : one;
  }
  const Passed all = run(GradientFlow::equilibrium, {0, 1, 2}, spec);
  EXPECT_TRUE(close(all.gradients.at(stem), mean, 1e-4));
}

}  // namespace
}  // namespace concertina
