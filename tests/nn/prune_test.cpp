#include "concertina/nn/prune.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/spec/cost.h"

#include "support/tensors.h"

namespace concertina {
namespace {

// A net whose norms' weights say which channels are dead: the odd ones of every layer.
struct Fixture {
  explicit Fixture(const std::string& name, NetSettings with = {})
      : settings(with),
        spec(make_net(name, {10, 3, 16, 16})),
        net(spec, spec.widths, settings, 1, at::kCPU) {
    const at::NoGradGuard guard;
    net.set_engine(Engine::plain);
    for (const Width width : spec.widths) {
      net.forward(random_images({4, 3, 16, 16}), {width, spec.exit_count()}, Pass::train);
      net.set_calibrated(width, true);
    }
    for (const Parameter& one : net.parameters()) {
      if (!one.is_scale) continue;
      for (std::int64_t k = 1; k < one.value.size(0); k += 2) at::Tensor(one.value.detach())[k] = 0;
    }
  }
  double params(const FlexibleNet& of) const {
    return static_cast<double>(subnet_cost(of.spec(), {Width(), spec.exit_count()}).anytime.params);
  }

  NetSettings settings;
  NetSpec spec;
  FlexibleNet net;
};

// A channel with weight and bias 0 says nothing: without it the net answers as before.
TEST(Prune, WithoutItsDeadChannelsANetAnswersTheSame) {
  for (const std::string name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    Fixture one(name);
    FlexibleNet small = prune(one.net, one.settings, 0.45, ChannelWorth::norm_weight);
    small.set_engine(Engine::plain);
    EXPECT_LT(one.params(small), 0.75 * one.params(one.net)) << name;
    const at::NoGradGuard guard;
    const at::Tensor images = random_images({4, 3, 16, 16}, 9);
    const Subnet full{Width(), one.spec.exit_count()};
    const auto before = one.net.forward(images, full, Pass::evaluate);
    const auto after = small.forward(images, full, Pass::evaluate);
    for (std::size_t exit = 0; exit < before.size(); ++exit) {
      EXPECT_TRUE(close(after[exit], before[exit], 1e-5)) << name << " exit " << exit;
    }
  }
}

TEST(Prune, EveryWidthIsThereAndTrains) {
  for (const NormSharing sharing :
       {NormSharing::switchable, NormSharing::shared, NormSharing::calibrated}) {
    Fixture one("slimmable-mobilenet-v1-tiny", {sharing, 0.1, GradientFlow::sum});
    FlexibleNet small = prune(one.net, one.settings, 0.3, ChannelWorth::norm_weight);
    EXPECT_EQ(small.widths().size(), one.spec.widths.size());
    for (const Width width : small.widths()) {
      const auto logits = small.forward(random_images({4, 3, 16, 16}), {width, 1}, Pass::train);
      EXPECT_TRUE(at::isfinite(logits[0]).all().item<bool>());
    }
  }
}

// Norm weights begin as 1: of equal channels no more go than the share says.
TEST(Prune, OfEqualChannelsTheShareGoes) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  const FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  const FlexibleNet small = prune(net, {}, 0.1, ChannelWorth::norm_weight);
  int before = 0, after = 0;
  for (std::size_t k = 0; k < spec.layers.size(); ++k) {
    if (!spec.layers[k].elastic) continue;
    before += spec.layers[k].channels;
    after += small.spec().layers[k].channels;
  }
  EXPECT_NEAR(after, 0.9 * before, 8);  // the first layer keeps one channel
}

TEST(Prune, ALayerKeepsAtLeastOneChannel) {
  Fixture one("slimmable-mobilenet-v1-tiny");
  const FlexibleNet small = prune(one.net, one.settings, 0.99, ChannelWorth::norm_weight);
  for (const Layer& layer : small.spec().layers) {
    EXPECT_TRUE(!layer.elastic || layer.channels >= 1) << layer.name;
  }
}

TEST(Prune, FiltersOfLengthZeroGoFirst) {
  Fixture one("slimmable-mobilenet-v1-tiny");
  const at::NoGradGuard guard;
  for (const Parameter& weight : one.net.weights()) {
    if (weight.name == "stem.conv/weight") at::Tensor(weight.value.detach())[0].zero_();
  }
  const FlexibleNet small = prune(one.net, one.settings, 0.0021, ChannelWorth::filter_length);
  for (const Layer& layer : small.spec().layers) {
    const bool cut_here = layer.name == "stem.conv";
    for (const Layer& before : one.spec.layers) {
      if (before.name != layer.name || !layer.elastic) continue;
      EXPECT_EQ(layer.channels < before.channels, cut_here) << layer.name;
    }
  }
}

TEST(Prune, SumsOfMapsAreRefused) {
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  for (Layer& layer : spec.layers) {
    if (layer.kind == LayerKind::activation) layer.kind = LayerKind::add;
  }
  const FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  EXPECT_THROW(prune(net, {}, 0.5, ChannelWorth::norm_weight), UsageError);
}

}  // namespace
}  // namespace concertina
