#include "concertina/spec/resolve.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/spec/cost.h"

namespace concertina {
namespace {

const ResolvedLayer& layer(const NetSpec& net, const ResolvedNet& resolved,
                           const std::string& name) {
  for (const ResolvedLayer& one : resolved.layers) {
    if (net.layers[static_cast<std::size_t>(one.layer)].name == name) return one;
  }
  throw std::runtime_error("no layer " + name);
}

TEST(RoundChannels, AgreesWithTheRuleOfMethods41) {
  const auto round = [](int full, const char* width) {
    return round_channels(full, Width::parse(width).thousandths(), 8);
  };
  EXPECT_EQ(round(32, "0.375"), 16);  // 12
  EXPECT_EQ(round(48, "0.35"), 16);   // 16.8
  EXPECT_EQ(round(1024, "0.35"), 360);
  EXPECT_EQ(round(512, "0.35"), 176);
  EXPECT_EQ(round(199, "0.1"), 24);  // 19.9
  EXPECT_EQ(round(32, "0.25"), 8);
  EXPECT_EQ(round(30, "0.1"), 9);  // 3: at least 1, then the 90 % rule adds 8
  EXPECT_EQ(round(10, "0.1"), 1);  // 1
}

TEST(RoundChannels, AgreesWithTheRuleInFloatingPointForEveryDivisor) {
  for (const int divisor : {1, 2, 3, 8, 16}) {
    for (int full = 1; full <= 130; ++full) {
      for (int thousandths = 7; thousandths < 1000; thousandths += 11) {
        const double scaled = full * thousandths / 1000.0 + 1e-9;  // 1e-9: exact halves go up
        double channels = std::max(1.0, std::floor((scaled + divisor / 2.0) / divisor) * divisor);
        if (channels < 0.9 * (scaled - 2e-9)) channels += divisor;
        EXPECT_EQ(round_channels(full, thousandths, divisor),
                  std::min(static_cast<int>(channels), full))
            << full << " * 0.001 * " << thousandths << ", divisor " << divisor;
      }
    }
  }
}

TEST(RoundChannels, FullWidthIsFullAndNoWidthIsMore) {
  for (int full = 1; full <= 64; ++full) {
    EXPECT_EQ(round_channels(full, 1000, 8), full);
    for (int thousandths = 1; thousandths <= 1000; thousandths += 13) {
      const int channels = round_channels(full, thousandths, 8);
      EXPECT_GE(channels, 1);
      EXPECT_LE(channels, full);
    }
  }
}

TEST(RoundChannels, GivesTheTuplesOfMobileNet) {
  // docs/methods.md, Channel rounding: real widths give 187 tuples; one lies between thousandths.
  std::set<std::vector<int>> tuples;
  for (int thousandths = 250; thousandths <= 1000; ++thousandths) {
    std::vector<int> tuple;
    for (const int full : {32, 64, 128, 256, 512, 1024}) {
      tuple.push_back(round_channels(full, thousandths, 8));
    }
    tuples.insert(tuple);
  }
  EXPECT_EQ(tuples.size(), 186u);
}

TEST(Resolve, ASliceBehindAPlainTensorIsLeading) {
  const NetSpec net = make_net("slimmable-mobilenet-v1", {});
  const ResolvedNet half = resolve(net, {Width::parse("0.5"), 1});
  const ResolvedLayer& conv = layer(net, half, "stage2.1.pointwise.conv");
  EXPECT_EQ(conv.in, (std::vector<Range>{{0, 32}}));
  EXPECT_EQ(conv.out, (std::vector<Range>{{0, 64}}));
  EXPECT_EQ(layer(net, half, "classifier").out, (std::vector<Range>{{0, 10}}));
}

TEST(Resolve, EachStageHasItsShare) {
  const NetSpec net = make_net("slimmable-mobilenet-v1", {});
  EXPECT_EQ(net.stage_count(), 5);
  const Width width = Width::parse("0.5,0.75,0.75,1");
  const ResolvedNet mixed = resolve(net, {width, 1});
  const auto channels = [&](const char* name) { return layer(net, mixed, name).out_channels; };
  EXPECT_EQ(channels("stem.conv"), 16);
  EXPECT_EQ(channels("stage1.1.pointwise.conv"), 32);
  EXPECT_EQ(channels("stage2.1.pointwise.conv"), 96);
  EXPECT_EQ(channels("stage3.2.pointwise.conv"), 192);
  EXPECT_EQ(channels("stage4.6.pointwise.conv"), 512);
  EXPECT_EQ(channels("stage5.2.pointwise.conv"), 1024);
  EXPECT_EQ(subnet_id(net, {width, 1}), "w0.500-0.750-0.750-1.000");
  EXPECT_EQ(make_net("msdnet-a", {}).stage_count(), 7);
}

TEST(Resolve, RefusesMoreStagesThanTheNetHas) {
  const NetSpec net = make_net("slimmable-mobilenet-v1", {});
  EXPECT_NO_THROW(resolve(net, {Width::parse("0.5,0.6,0.7,0.8,0.9"), 1}));
  EXPECT_THROW(resolve(net, {Width::parse("0.5,0.6,0.7,0.8,0.9,1"), 1}), UsageError);
}

TEST(Resolve, BitsAreThoseOfConvolutionsInsideAndOfActivations) {
  for (const char* name : {"slimmable-mobilenet-v1", "msdnet-tiny"}) {
    const NetSpec net = make_net(name, {});
    const ResolvedNet few = resolve(net, {Width::parse("0.5@4"), net.exit_count()});
    const ResolvedNet full = resolve(net, {Width::parse("0.5"), net.exit_count()});
    int rounded = 0;
    for (std::size_t k = 0; k < few.layers.size(); ++k) {
      const Layer& one = net.layers[static_cast<std::size_t>(few.layers[k].layer)];
      const bool weighs = one.kind == LayerKind::conv || one.kind == LayerKind::depthwise;
      const bool rounds = one.kind == LayerKind::activation || (weighs && one.inputs.front() != 0);
      EXPECT_EQ(few.layers[k].bits, rounds ? 4 : 32) << one.name;
      EXPECT_EQ(full.layers[k].bits, 32);
      EXPECT_EQ(few.layers[k].out, full.layers[k].out);
      rounded += rounds ? 1 : 0;
    }
    EXPECT_GT(rounded, 10);
    const NetSpec outside = extract_spec(net, few);
    check(outside);
    EXPECT_EQ(write_spec(read_spec(write_spec(outside))), write_spec(outside));
    const ResolvedNet again = resolve(outside, {Width(), outside.exit_count()});
    for (std::size_t k = 0; k < few.layers.size(); ++k) {
      EXPECT_EQ(again.layers[k].bits, few.layers[k].bits);
    }
  }
}

TEST(Resolve, AMultiSegmentActivationTakesNoBits) {
  const NetSpec net = make_net("slimmable-mobilenet-v1-tiny", {}, {"activation=lma"});
  try {
    resolve(net, {Width::parse("1@4"), 1});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "width \"1@4\" of net \"slimmable-mobilenet-v1-tiny\": layer \"stem.activation\" "
                 "is a multi-segment activation, which takes no bits");
  }
}

TEST(Resolve, NetworksOfOtherBitsAreNotTheSame) {
  const NetSpec net = make_net("slimmable-mobilenet-v1-tiny", {});
  EXPECT_TRUE(same_network(net, Width::parse("0.999"), Width()));
  EXPECT_TRUE(same_network(net, Width::parse("0.999@4"), Width::parse("1@4")));
  EXPECT_FALSE(same_network(net, Width::parse("0.999@4"), Width()));
  EXPECT_FALSE(same_network(net, Width::parse("0.5"), Width()));
}

TEST(Resolve, ASliceBehindAConcatIsAUnionOfLeadingSlices) {
  const NetSpec net = make_net("msdnet-tiny", {});
  const ResolvedNet half = resolve(net, {Width::parse("0.5"), 3});
  const ResolvedLayer& first = layer(net, half, "layer1.scale0.concat");
  EXPECT_EQ(first.out, (std::vector<Range>{{0, 4}, {8, 10}}));
  const ResolvedLayer& second = layer(net, half, "layer2.scale0.same.bottleneck.conv");
  EXPECT_EQ(second.in, first.out);
  EXPECT_EQ(second.in_channels, 6);
}

TEST(Resolve, NarrowerRangesLieInsideWiderOnes) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec net = make_net(entry.name, {10, 3, 32, 32});
    const ResolvedNet full = resolve(net, {Width(), net.exit_count()});
    for (const Width width : net.widths) {
      const ResolvedNet narrow = resolve(net, {width, net.exit_count()});
      ASSERT_EQ(narrow.layers.size(), full.layers.size());
      for (std::size_t k = 0; k < full.layers.size(); ++k) {
        int channels = 0;
        for (const Range range : narrow.layers[k].out) channels += range.size();
        EXPECT_EQ(channels, narrow.layers[k].out_channels);
        EXPECT_LE(narrow.layers[k].out.back().end, full.layers[k].out.back().end);
      }
    }
  }
}

TEST(Resolve, AnExitAloneLeavesOtherExitsOut) {
  const NetSpec net = make_net("msdnet-tiny", {});
  const ResolvedNet alone = resolve(net, {Width(), 2}, Exits::only);
  EXPECT_EQ(alone.exits.size(), 1u);
  EXPECT_EQ(resolve(net, {Width(), 2}).exits.size(), 2u);
  EXPECT_THROW(layer(net, alone, "exit1.classifier"), std::runtime_error);
}

TEST(Resolve, AnExtractedSubModelCostsTheSameAsInsideTheNet) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec net = make_net(entry.name, {10, 3, 32, 32});
    for (const Subnet& subnet : all_subnets(net, net.widths)) {
      for (const Exits exits : {Exits::up_to, Exits::only}) {
        const ResolvedNet inside = resolve(net, subnet, exits);
        const NetSpec outside = extract_spec(net, inside);
        check(outside);
        const Subnet whole{Width(), outside.exit_count()};
        EXPECT_EQ(cost(net, inside).params, cost(outside, resolve(outside, whole)).params);
        EXPECT_EQ(cost(net, inside).macs, cost(outside, resolve(outside, whole)).macs);
      }
    }
  }
}

TEST(Resolve, RefusesAnExitThatIsNotThere) {
  const NetSpec net = make_net("msdnet-tiny", {});
  EXPECT_THROW(resolve(net, {Width(), 0}), UsageError);
  EXPECT_THROW(resolve(net, {Width(), 4}), UsageError);
}

}  // namespace
}  // namespace concertina
