// The light multi-segment activation (docs/methods.md), by itself and in a net.
#include "multi_segment.h"

#include <limits>

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/nn/frozen_net.h"
#include "concertina/nn/prune.h"
#include "concertina/spec/cost.h"

#include "support/tensors.h"

namespace concertina {
namespace {

using testing::HasSubstr;

const Width kHalf = Width::from_thousandths(500);

at::Tensor images_for(std::uint64_t seed = 7) { return random_images({6, 3, 16, 16}, seed); }

NetSpec segmented_spec(const std::string& name = "slimmable-mobilenet-v1-tiny") {
  return make_net(name, {10, 3, 16, 16}, {"activation=lma"});
}

// Its slopes and offsets are not the initial zeros.
FlexibleNet segmented_net(const NetSpec& spec, NetSettings settings = {}) {
  FlexibleNet net(spec, spec.widths, settings, 1, at::kCPU);
  at::manual_seed(3);
  const at::NoGradGuard guard;
  for (const Parameter& one : net.weights()) {
    if (one.axes == "segment") at::Tensor(one.value).add_(at::randn(one.value.sizes()), 0.2);
  }
  return net;
}

FlexibleNet trained(const std::string& name = "slimmable-mobilenet-v1-tiny") {
  FlexibleNet net = segmented_net(segmented_spec(name));
  for (const Width width : net.widths()) {
    net.forward(images_for(), {width, net.spec().exit_count()}, Pass::train);
  }
  return net;
}

at::Tensor evaluated(FlexibleNet& net, const at::Tensor& images, const Subnet& subnet) {
  const at::NoGradGuard guard;
  return net.forward(images, subnet, Pass::evaluate, Exits::only)[0];
}

std::map<std::string, at::Tensor> tensors(const std::vector<Parameter>& parameters) {
  std::map<std::string, at::Tensor> all;
  for (const Parameter& one : parameters) all[one.name] = one.value.detach().clone();
  return all;
}

// The same by masks and autograd.
at::Tensor plainly(const at::Tensor& x, const at::Tensor& a, const at::Tensor& b,
                   const at::Tensor& mean, const at::Tensor& deviation) {
  const std::int64_t count = a.size(0);
  const at::Tensor place = (x - mean + 3 * deviation) / (6 * deviation / count);
  const at::Tensor k = at::clamp(at::trunc(place), 0, count - 1);
  at::Tensor result = at::zeros_like(x);
  for (std::int64_t j = 0; j < count; ++j) {
    const double initial = j < count / 2 ? 0 : 1;
    result = result + at::where(k == j, (a[j] + initial) * x + b[j], at::zeros_like(x));
  }
  return result;
}

TEST(MultiSegment, GivesTheGoldenNumbers) {  // docs/methods.md, Golden numbers
  const at::Tensor x = at::tensor({-1.0, 0.1, 0.6, 4.0}).view({1, 1, 2, 2});
  const at::Tensor mean = at::tensor({0.5}, at::kDouble), variance = at::ones({1}, at::kDouble);
  const at::Tensor none = at::zeros({8}, at::kDouble);
  const at::Tensor initial = multi_segment(x.to(at::kDouble), none, none, mean, variance);
  EXPECT_TRUE(close(initial.flatten(), at::tensor({0.0, 0.0, 0.6, 4.0}, at::kDouble), 1e-7));
  // Offsets tell the segments apart.
  const at::Tensor numbers = at::arange(0, 8, at::kDouble);
  const at::Tensor segments =
      multi_segment(x.to(at::kDouble), none, numbers, mean, variance) - initial;
  EXPECT_TRUE(close(segments.flatten(), at::tensor({2.0, 3.0, 4.0, 7.0}, at::kDouble), 1e-12));
}

TEST(MultiSegment, IsThePlainOneForwardAndBackward) {
  for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const auto random = [](at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); };
    at::manual_seed(4);
    const at::Tensor values = random({3, 5, 4, 6}).contiguous(layout) * 2;
    const at::Tensor slopes = random({8}), offsets = random({8}), upstream = random({3, 5, 4, 6});
    const at::Tensor mean = at::tensor({0.3}, at::kDouble),
                     variance = at::tensor({1.7}, at::kDouble);
    std::vector<std::vector<at::Tensor>> found;
    for (const bool ours : {true, false}) {
      const auto leaf = [](const at::Tensor& one) { return one.clone().requires_grad_(); };
      const at::Tensor x = leaf(values), a = leaf(slopes), b = leaf(offsets);
      const at::Tensor y = ours ? multi_segment(x, a, b, mean, variance)
                                : plainly(x, a, b, mean, at::sqrt(variance));
      torch::autograd::backward({at::sum(y * upstream)}, {});
      found.push_back({y, x.grad(), a.grad(), b.grad()});
    }
    for (std::size_t k = 0; k < 4; ++k) EXPECT_TRUE(close(found[0][k], found[1][k], 1e-12)) << k;
    EXPECT_TRUE(found[0][0].is_contiguous(layout));
  }
}

TEST(MultiSegment, AMapOfOneValueAndOneThatIsNotFiniteHaveSegments) {
  const at::Tensor none = at::zeros({8}), zero = at::zeros({1});
  const at::Tensor same = at::full({1, 1, 2, 2}, 3.0F);
  EXPECT_TRUE(same_bytes(multi_segment(same, none, none, at::full({1}, 3.0F), zero), same));
  const float wild = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor broken = at::full({1, 1, 2, 2}, wild);
  const at::Tensor result = multi_segment(broken, none, none, at::full({1}, wild), zero);
  EXPECT_TRUE(at::isnan(result).all().item<bool>());
}

TEST(MultiSegment, ALayerOfANetSeesItsWholeMap) {
  FlexibleNet net = segmented_net(segmented_spec());
  for (const Parameter& one : net.norms(kHalf)) {  // else the mean of the map is 0
    if (one.name == "stem.norm/bias") at::Tensor(one.value.detach()).fill_(0.5);
  }
  const auto weights = tensors(net.weights());
  const auto results = net.forward(images_for(), {kHalf, 1}, Pass::train, Exits::only,
                                   {"stem.norm", "stem.activation"});
  const at::Tensor map = results[1].detach();
  const at::Tensor mean = at::mean(map), variance = at::mean(at::square(map - mean));
  const at::Tensor expected = plainly(map, weights.at("stem.activation/weight"),
                                      weights.at("stem.activation/bias"), mean, at::sqrt(variance));
  EXPECT_TRUE(close(results[2], expected, 1e-5));
  const auto norms = tensors(net.norms(kHalf));
  EXPECT_TRUE(close(norms.at("stem.activation/running_mean"), (0.1 * mean).view({1}), 1e-4));
  EXPECT_TRUE(
      close(norms.at("stem.activation/running_var"), (0.9 + 0.1 * variance).view({1}), 1e-5));
}

TEST(MultiSegment, StatisticsAreEachWidthsOwn) {
  FlexibleNet net = segmented_net(segmented_spec());
  const auto full = tensors(net.norms(Width())), half = tensors(net.norms(kHalf));
  net.forward(images_for(), {kHalf, 1}, Pass::train);
  for (const auto& [name, value] : tensors(net.norms(Width()))) {
    EXPECT_TRUE(same_bytes(value, full.at(name))) << name;
  }
  for (const auto& [name, value] : tensors(net.norms(kHalf))) {
    if (name.find("running") == std::string::npos) continue;
    EXPECT_FALSE(same_bytes(value, half.at(name))) << name;
  }
}

TEST(MultiSegment, OnlyTrainingAndCalibrationMoveStatistics) {
  FlexibleNet net = trained();
  const auto before = tensors(net.norms(kHalf));
  evaluated(net, images_for(8), {kHalf, 1});
  net.forward(images_for(8), {kHalf, 1}, Pass::probe);
  for (const auto& [name, value] : tensors(net.norms(kHalf))) {
    EXPECT_TRUE(same_bytes(value, before.at(name))) << name;
  }
  FlexibleNet shared = segmented_net(segmented_spec(), {NormSharing::calibrated, 0.1});
  shared.forward(images_for(), {kHalf, 1}, Pass::train);
  shared.forward(images_for(), {Width::parse("0.613"), 1}, Pass::train);
  const auto kept = tensors(shared.norms(kHalf));
  EXPECT_EQ(kept.at("stem.activation/running_mean").item<float>(), 0);
  EXPECT_EQ(kept.at("stem.activation/running_var").item<float>(), 1);
}

TEST(MultiSegment, AnEvaluationDoesNotDependOnTheOrderOfItsImages) {
  FlexibleNet net = trained();
  const at::Tensor images = images_for(8);
  const at::Tensor forth = evaluated(net, images, {kHalf, 1});
  const at::Tensor back = evaluated(net, at::flip(images, {0}), {kHalf, 1});
  EXPECT_TRUE(close(at::flip(back, {0}), forth, 1e-3));  // rounding, and what it moves over a jump
  EXPECT_TRUE(same_bytes(evaluated(net, images, {kHalf, 1}), forth));
}

TEST(MultiSegment, CalibrationIsTheExactAverageOfTheBatches) {
  FlexibleNet net = segmented_net(segmented_spec(), {NormSharing::calibrated, 0.1});
  const at::NoGradGuard guard;
  const Width width = Width::parse("0.6");
  const auto calibrated = [&](const std::vector<std::uint64_t>& seeds) {
    net.reset_statistics(width);
    for (const auto seed : seeds) net.forward(images_for(seed), {width, 1}, Pass::calibrate);
    return tensors(net.norms(width));
  };
  const auto one = calibrated({1}), two = calibrated({2}), both = calibrated({1, 2});
  for (const std::string name : {"stem.activation/running_mean", "stem.activation/running_var"}) {
    EXPECT_TRUE(close(both.at(name), (one.at(name) + two.at(name)) / 2, 1e-5)) << name;
  }
}

TEST(MultiSegment, SlicesExtractsAndFreezesAlikeAndCostsWhatItHas) {
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    FlexibleNet net = trained(name);
    const at::Tensor images = images_for(8);
    for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
      FlexibleNet small = net.extract(subnet, Exits::only);
      const at::Tensor inside = evaluated(net, images, subnet);
      EXPECT_TRUE(same_bytes(inside, evaluated(small, images, {Width(), 1})));
      const FrozenNet frozen(net, subnet, Exits::only, make_execution_contexts(2));
      EXPECT_TRUE(same_bytes(inside, frozen.forward(images)[0]));
      std::int64_t count = 0, statistics = 0;
      for (const Parameter& one : small.parameters()) count += one.value.numel();
      for (const Parameter& one : small.norms(Width())) {
        if (one.name.find("running") != std::string::npos) statistics += one.value.numel();
      }
      const Cost cost = subnet_cost(net.spec(), subnet).alone;
      EXPECT_EQ(count, cost.params);
      EXPECT_EQ(4 * (count + statistics), cost.bytes);
    }
  }
}

TEST(MultiSegment, ItsTensorsAreNoMatricesAndSharedByAllWidths) {
  const FlexibleNet net = segmented_net(segmented_spec());
  int found = 0;
  for (const Parameter& one : net.parameters()) {
    if (one.name.find("activation/") == std::string::npos) continue;
    ++found;
    EXPECT_FALSE(one.is_matrix || one.is_scale) << one.name;
    EXPECT_EQ(one.axes, "segment") << one.name;
    EXPECT_EQ(one.value.sizes(), (std::vector<std::int64_t>{8})) << one.name;
  }
  EXPECT_EQ(found, 2 * 11);
}

TEST(MultiSegment, IsCutWithItsNet) {
  FlexibleNet net = trained();
  FlexibleNet small = prune(net, {}, 0.4, ChannelWorth::filter_length);
  const auto weights = tensors(net.weights()), norms = tensors(net.norms(kHalf));
  for (const bool of_bank : {false, true}) {
    for (const auto& [name, value] : tensors(of_bank ? small.norms(kHalf) : small.weights())) {
      if (name.find("activation/") == std::string::npos) continue;
      EXPECT_TRUE(same_bytes(value, (of_bank ? norms : weights).at(name))) << name;
    }
  }
  EXPECT_TRUE(at::isfinite(evaluated(small, images_for(), {kHalf, 1})).all().item<bool>());
}

std::string refusal(FlexibleNet& net, Engine engine, Precision precision) {
  try {
    net.set_engine(engine, precision);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MultiSegment, ThePlainEngineAloneComputesIt) {
  FlexibleNet net = segmented_net(segmented_spec());
  EXPECT_EQ(net.engine(), Engine::plain);
  EXPECT_EQ(refusal(net, Engine::fused, Precision::fp32),
            "engine \"fused\" cannot compute net \"slimmable-mobilenet-v1-tiny\": layer "
            "\"stem.activation\" is a multi-segment activation; expected engine auto or plain");
  EXPECT_EQ(refusal(net, Engine::automatic, Precision::bf16),
            "precision \"bf16\": the plain engine computes net \"slimmable-mobilenet-v1-tiny\", in "
            "float32; expected the fused engine, or precision fp32");
}

}  // namespace
}  // namespace concertina
