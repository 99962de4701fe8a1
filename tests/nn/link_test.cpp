// Exits whose answer joins the features of the next one (docs/methods.md, Gradient equilibrium).
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/nets/catalog.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/spec/cost.h"
#include "concertina/spec/taps.h"

#include "support/tensors.h"

namespace concertina {
namespace {

constexpr std::int64_t kLink = 8;

NetSpec net_spec(const std::vector<std::string>& options = {"link=8"}) {
  return make_net("msdnet-tiny", {10, 3, 32, 32}, options);
}

at::Tensor of(const FlexibleNet& net, const std::string& name) {
  for (const Parameter& one : net.weights()) {
    if (one.name == name) return one.value;
  }
  for (const Parameter& one : net.norms(Width())) {
    if (one.name == name) return one.value;
  }
  throw std::runtime_error("no " + name);
}

FlexibleNet ready_net() {
  FlexibleNet net(net_spec(), net_spec().widths, {}, 1, at::kCPU);
  const at::NoGradGuard guard;
  for (const Width width : net.widths()) {
    net.forward(random_images({8, 3, 32, 32}), {width, 3}, Pass::train);
  }
  return net;
}

TEST(Link, AnExitReadsItsFeaturesAndTheAnswerBefore) {
  FlexibleNet net = ready_net();
  const at::NoGradGuard guard;
  const auto found = net.forward(random_images({4, 3, 32, 32}, 2), {Width(), 2}, Pass::evaluate,
                                 Exits::up_to, {"exit2.pool"});
  const std::string link = "exit2.link";
  const at::Tensor weight = of(net, link + ".conv/weight").flatten(1);
  const at::Tensor deviation = at::sqrt(of(net, link + ".norm/running_var") + kNormEpsilon);
  const at::Tensor normed =
      (at::matmul(found[0], weight.t()) - of(net, link + ".norm/running_mean")) / deviation *
          of(net, link + ".norm/weight") +
      of(net, link + ".norm/bias");
  const at::Tensor features = at::cat({found[2].flatten(1), at::relu(normed)}, 1);
  const at::Tensor expected =
      at::linear(features, of(net, "exit2.classifier/weight"), of(net, "exit2.classifier/bias"));
  EXPECT_TRUE(close(found[1], expected, 1e-5));
}

TEST(Link, ALaterExitsLossReachesTheClassifierBefore) {
  FlexibleNet net = ready_net();
  const auto logits = net.forward(random_images({4, 3, 32, 32}), {Width(), 3}, Pass::train);
  torch::autograd::backward({at::sum(at::square(logits[2]))}, {});
  EXPECT_GT(at::norm(of(net, "exit1.classifier/weight").grad()).item<float>(), 0);
}

TEST(Link, ASubModelAloneAnswersAsInside) {
  FlexibleNet net = ready_net();
  const at::NoGradGuard guard;
  const at::Tensor images = random_images({4, 3, 32, 32}, 3);
  for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
    FlexibleNet small = net.extract(subnet, Exits::only);
    EXPECT_TRUE(same_bytes(net.forward(images, subnet, Pass::evaluate, Exits::only)[0],
                           small.forward(images, {Width(), 1}, Pass::evaluate)[0]))
        << subnet_id(net.spec(), subnet);
  }
}

// Each later exit has a convolution, a norm, and as many further inputs of its classifier; alone,
// it needs the exits before.
TEST(Link, CostsWhatItAdds) {
  const NetSpec plain = net_spec({}), linked = net_spec();
  for (int exit = 1; exit <= 3; ++exit) {
    const Cost with = subnet_cost(linked, {Width(), exit}).anytime;
    const Cost without = subnet_cost(plain, {Width(), exit}).anytime;
    EXPECT_EQ(with.params - without.params, (exit - 1) * (10 * kLink + 2 * kLink + kLink * 10));
    EXPECT_EQ(with.macs - without.macs, (exit - 1) * (10 * kLink + kLink * 10));
  }
  const auto alone = [](const NetSpec& net) { return subnet_cost(net, {Width(), 3}).alone.params; };
  EXPECT_GT(alone(linked) - alone(plain), 2 * 128 * 128 * 9);
}

TEST(Link, TheMapIsTheLastOneBeforeThePooling) {
  EXPECT_EQ(find_tap(net_spec(), {Width(), 3}, "map"), find_tap(net_spec({}), {Width(), 3}, "map"));
  EXPECT_EQ(find_tap(net_spec(), {Width(), 3}, "feature"), "exit3.linked");
}

}  // namespace
}  // namespace concertina
