#include "concertina/deploy/plain_net.h"

#include <map>

#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "example.h"

namespace concertina::deploy {
namespace {

using testing::HasSubstr;

// float32 sums in another order: a few ulp a layer, up to 40 layers.
constexpr double kTolerance = 1e-5;

int count_norms(const NetSpec& spec) {
  int count = 0;
  for (const Layer& layer : spec.layers) count += layer.kind == LayerKind::norm ? 1 : 0;
  return count;
}

TEST(PlainNet, ComputesWhatTheSubModelDoesFoldedOrNot) {
  for (const NetEntry& entry : net_catalog()) {
    for (const NormSharing sharing :
         {NormSharing::switchable, NormSharing::shared, NormSharing::calibrated}) {
      FlexibleNet net = example_net(entry.name, sharing);
      const at::Tensor images = images_for(net.spec());
      for (const Subnet& subnet :
           {Subnet{net.widths().front(), 1}, Subnet{Width(), net.spec().exit_count()}}) {
        const std::string which = entry.name + " " + subnet_id(net.spec(), subnet);
        const PlainNet plain = plain_net(net.extract(subnet, Exits::only), example_card());
        FlexibleNet same = net_of(plain), folded = net_of(fold(plain));
        // The better one, and the plain one where that is another.
        for (const Engine engine : {Engine::automatic, Engine::plain}) {
          for (FlexibleNet* each : {&net, &same, &folded}) each->set_engine(engine);
          const at::Tensor expected = logits_of(net, images, subnet);
          EXPECT_TRUE(same_bytes(logits_of(same, images, {}), expected)) << which;
          EXPECT_TRUE(close(logits_of(folded, images, {}), expected, kTolerance)) << which;
        }
      }
    }
  }
}

TEST(PlainNet, FoldingLeavesNoNormOfTheCatalog) {
  for (const NetEntry& entry : net_catalog()) {
    const FlexibleNet net = example_net(entry.name);
    const PlainNet folded = example_plain(net, {Width(), net.spec().exit_count()});
    EXPECT_EQ(count_norms(folded.spec), 0) << entry.name;
    check(folded.spec);
  }
}

// One norm behind an activation, one whose convolution has a second reader: both stay.
TEST(PlainNet, ANormThatFollowsNoConvolutionOfItsOwnStays) {
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  Layer norm;
  norm.kind = LayerKind::norm;
  norm.name = "another.norm";
  norm.inputs = {3};
  spec.layers.insert(spec.layers.begin() + 4, norm);
  for (std::size_t k = 5; k < spec.layers.size(); ++k) {
    for (int& input : spec.layers[k].inputs) input += input > 3 ? 1 : input == 3 ? 1 : 0;
  }
  for (int& exit : spec.exits) ++exit;
  spec.widths = {Width()};
  check(spec);
  FlexibleNet net(spec, {Width()}, {}, 1, at::kCPU);
  net.set_calibrated(Width(), true);
  const PlainNet plain = plain_net(net.extract({}, Exits::only), example_card());
  EXPECT_EQ(count_norms(fold(plain).spec), 1);
  FlexibleNet folded = net_of(fold(plain));
  const at::Tensor images = images_for(spec);
  EXPECT_TRUE(close(logits_of(folded, images, {}), logits_of(net, images, {}), kTolerance));
}

TEST(PlainNet, TensorsThatDoNotFitAreNamed) {
  const FlexibleNet net = example_net("slimmable-mobilenet-v1-tiny");
  const PlainNet good = example_plain(net, {Width(), 1});
  const auto refusal = [](const PlainNet& plain) -> std::string {
    try {
      net_of(plain);
    } catch (const DataError& error) {
      return error.what();
    }
    return "accepted";
  };
  PlainNet bad = good;
  bad.tensors.erase(bad.tensors.begin());
  EXPECT_THAT(refusal(bad), HasSubstr("lacks tensor \"stem.conv/weight\""));
  bad = good;
  bad.tensors[1].value = at::zeros({3});
  EXPECT_THAT(refusal(bad), HasSubstr("\"stem.conv/bias\" has the wrong shape"));
  bad = good;
  bad.tensors.push_back({"stem.norm/weight", at::zeros({8}), "channel"});
  EXPECT_THAT(refusal(bad), HasSubstr("no tensor \"stem.norm/weight\""));
}

TEST(PlainNet, FactsSayWhatAUserNeeds) {
  const FlexibleNet net = example_net("slimmable-mobilenet-v1-tiny");
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : facts(example_plain(net, {Width(), 1}))) all[key] = value;
  EXPECT_EQ(all.at("net"), "slimmable-mobilenet-v1-tiny");
  EXPECT_EQ(all.at("submodel"), "w0.500");
  EXPECT_EQ(all.at("input"), "N,3,16,16 float32, (pixel / 255 - mean) / deviation");
  EXPECT_EQ(all.at("mean"), "0.5 0.25 0.100000001");
  EXPECT_THAT(all.at("classes"), HasSubstr("[\"class 0\",\"class 1\""));
  EXPECT_EQ(all.at("accuracy"), "0.75");
  EXPECT_EQ(all.at("accuracy_images"), "2000 test");
  EXPECT_EQ(all.at("epoch"), "7");
}

}  // namespace
}  // namespace concertina::deploy
