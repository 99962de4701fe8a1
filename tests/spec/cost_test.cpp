// Costs against the tables of docs/methods.md: MobileNet-V1, MobileNet-V1 at 32x32, and MSDNet.
#include "concertina/spec/cost.h"

#include <gtest/gtest.h>

#include "concertina/core/text.h"
#include "concertina/nets/catalog.h"

namespace concertina {
namespace {

// Figures of all sub-models as text in millions, for one look at a whole row.
enum class Figure { macs, ops, params };

std::string figures(const NetSpec& net, Figure figure, int decimals) {
  std::vector<std::string> parts;
  for (const Subnet& subnet : all_subnets(net, net.widths)) {
    const Cost cost = subnet_cost(net, subnet).anytime;
    const std::int64_t value = figure == Figure::macs  ? cost.macs
                               : figure == Figure::ops ? cost.ops
                                                       : cost.params;
    parts.push_back(format_fixed(static_cast<double>(value) / 1e6, decimals));
  }
  return join(parts, " ");
}

NetInput cifar(int classes) { return {classes, 3, 32, 32}; }

TEST(Cost, MobileNetAtImageNetSizeIsAsPublished) {
  const NetSpec net = make_net("slimmable-mobilenet-v1-imagenet", {1000, 3, 224, 224});
  EXPECT_EQ(figures(net, Figure::macs, 3), "41.030 149.497 325.400 568.740");
  EXPECT_EQ(figures(net, Figure::params, 3), "0.470 1.332 2.586 4.232");
}

TEST(Cost, MobileNetAtCifarSizeIsAsTabled) {
  const auto macs = [](const std::string& stem, const std::string& stages, int decimals) {
    const NetSpec net = make_net("slimmable-mobilenet-v1", cifar(10),
                                 {"stem-stride=" + stem, "stage-strides=" + stages});
    return figures(net, Figure::macs, decimals);
  };
  EXPECT_EQ(macs("2", "1-2-2-2-2", 3), "0.835 3.046 6.633 11.596");
  EXPECT_EQ(macs("2", "1-2-2-2-1", 3), "1.140 4.246 9.318 16.356");
  EXPECT_EQ(macs("1", "1-2-2-2-2", 3), "3.331 12.167 26.508 46.354");
  EXPECT_EQ(macs("1", "1-1-2-2-2", 1), "12.0 45.3 99.8 175.6");
  EXPECT_EQ(figures(make_net("slimmable-mobilenet-v1", cifar(10)), Figure::params, 3),
            "0.216 0.824 1.824 3.217");
  EXPECT_EQ(figures(make_net("slimmable-mobilenet-v1", cifar(100)), Figure::params, 3),
            "0.239 0.870 1.893 3.309");
}

TEST(Cost, MsdNetIsAsTabled) {
  const NetSpec a = make_net("msdnet-a", cifar(100));
  EXPECT_EQ(figures(a, Figure::params, 3), "0.434 0.877 1.275 1.696 2.178 2.603 3.068");
  EXPECT_EQ(figures(a, Figure::ops, 1), "15.1 25.5 37.1 46.3 57.3 67.0 75.9");
  const NetSpec b = make_net("msdnet-b", cifar(100));
  EXPECT_EQ(figures(b, Figure::params, 2), "0.90 1.84 2.80 3.76 4.92 6.10 7.36");
  EXPECT_EQ(figures(b, Figure::ops, 2), "56.43 101.00 155.31 198.10 249.53 298.05 340.64");
  const NetSpec c = make_net("msdnet-c", cifar(100));
  EXPECT_EQ(figures(c, Figure::params, 3), "0.300 0.650 1.018 1.492 2.079");
  EXPECT_EQ(figures(c, Figure::ops, 2), "6.86 14.35 27.54 41.71 58.48");
}

TEST(Cost, DeepMsdNetsAreAsTabled) {
  const NetSpec d = make_net("msdnet-d", cifar(10));
  EXPECT_EQ(figures(d, Figure::params, 3),
            "0.422 0.854 1.347 1.781 2.221 2.724 3.288 3.772 4.274 4.840");
  const std::string ops = figures(d, Figure::ops, 1);
  EXPECT_EQ(ops.substr(0, 4), "15.1");
  EXPECT_EQ(ops.substr(ops.size() - 5), "121.6");
  const NetSpec e = make_net("msdnet-e", cifar(10));
  const std::string params = figures(e, Figure::params, 3);
  EXPECT_EQ(params.substr(0, 5), "0.288");
  EXPECT_EQ(params.substr(params.size() - 5), "3.885");
  const std::string e_ops = figures(e, Figure::ops, 2);
  EXPECT_EQ(e_ops.substr(0, 4), "6.85");
  EXPECT_EQ(e_ops.substr(e_ops.size() - 6), "137.20");
}

TEST(Cost, AnExitAloneCostsNoMoreThanWithTheEarlierOnes) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec net = make_net(entry.name, cifar(10));
    for (const Subnet& subnet : all_subnets(net, net.widths)) {
      const SubnetCost cost = subnet_cost(net, subnet);
      EXPECT_LE(cost.alone.params, cost.anytime.params);
      EXPECT_LE(cost.alone.peak_activation_bytes, cost.anytime.peak_activation_bytes);
      if (net.exit_count() == 1) {
        EXPECT_EQ(cost.alone.params, cost.anytime.params);
      } else if (subnet.exit > 1) {  // a first branch has no layers but those that lead to it
        EXPECT_LT(cost.alone.params, cost.anytime.params);
      }
    }
  }
}

TEST(Cost, ALargerSubModelCostsMore) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec net = make_net(entry.name, cifar(10));
    for (const Subnet& subnet : all_subnets(net, net.widths)) {
      if (subnet.exit == net.exit_count()) continue;
      const Cost here = subnet_cost(net, subnet).anytime;
      const Cost next = subnet_cost(net, {subnet.width, subnet.exit + 1}).anytime;
      EXPECT_LT(here.macs, next.macs);
      EXPECT_LT(here.params, next.params);
    }
  }
}

TEST(Cost, AMultiSegmentActivationAddsItsSlopesOffsetsAndStatistics) {
  const NetSpec plain = make_net("slimmable-mobilenet-v1-tiny", cifar(10));
  const NetSpec lma =
      make_net("slimmable-mobilenet-v1-tiny", cifar(10), {"activation=lma", "lma-segments=10"});
  for (const Subnet& subnet : all_subnets(plain, plain.widths)) {
    const Cost before = subnet_cost(plain, subnet).anytime,
               after = subnet_cost(lma, subnet).anytime;
    const int layers = 1 + 2 * 5;
    EXPECT_EQ(after.params, before.params + layers * 2 * 10);
    EXPECT_EQ(after.bytes, before.bytes + layers * 4 * (2 * 10 + 2));
    EXPECT_EQ(after.macs, before.macs);
    EXPECT_EQ(after.ops, before.ops);
    EXPECT_EQ(after.peak_activation_bytes, before.peak_activation_bytes);
  }
}

TEST(Cost, WeightsOfFewerBitsTakeFewerBytes) {
  const NetSpec net = make_net("slimmable-mobilenet-v1-tiny", cifar(10));
  for (const std::string share : {"0.5", "1"}) {
    const Cost full = subnet_cost(net, {Width::parse(share), 1}).alone;
    std::int64_t rounded = 0;  // weights
    for (const ResolvedLayer& layer : resolve(net, {Width::parse(share), 1}).layers) {
      const Layer& spec = net.layers[static_cast<std::size_t>(layer.layer)];
      const int window = spec.kernel * spec.kernel;
      if (spec.name == "stem.conv") continue;
      if (spec.kind == LayerKind::conv) rounded += window * layer.in_channels * layer.out_channels;
      if (spec.kind == LayerKind::depthwise) rounded += window * layer.out_channels;
    }
    for (const int bits : {2, 4, 8}) {
      const Width width = Width::parse(share + "@" + std::to_string(bits));
      const Cost few = subnet_cost(net, {width, 1}).alone;
      EXPECT_EQ(few.bytes, full.bytes - rounded * (32 - bits) / 8) << width.text();
      EXPECT_EQ(few.params, full.params);
      EXPECT_EQ(few.macs, full.macs);
      EXPECT_EQ(few.peak_activation_bytes, full.peak_activation_bytes);
      const ResolvedNet inside = resolve(net, {width, 1});
      EXPECT_EQ(cost(extract_spec(net, inside), resolve(extract_spec(net, inside), {})).bytes,
                few.bytes);
    }
  }
}

TEST(Cost, PeakActivationOfAChainIsItsLargestPair) {
  // Input (32 channels) and output (64) of the first pointwise convolution are alive together.
  const NetSpec net = make_net("slimmable-mobilenet-v1", cifar(10));
  const Cost full = subnet_cost(net, {Width(), 1}).anytime;
  EXPECT_EQ(full.peak_activation_bytes, 4 * (32 + 64) * 32 * 32);
}

}  // namespace
}  // namespace concertina
