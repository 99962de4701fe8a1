#include "concertina/spec/net_spec.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"

namespace concertina {
namespace {

using testing::HasSubstr;

std::string refusal(const NetSpec& net) {
  try {
    check(net);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(NetSpec, TextReadsBackTheSame) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec net = make_net(entry.name, {10, 3, 32, 32});
    const std::string text = write_spec(net);
    EXPECT_EQ(write_spec(read_spec(text)), text) << entry.name;
  }
}

TEST(NetSpec, BiasAndModuleStandInTheText) {
  NetSpec net = make_net("slimmable-mobilenet-v1-tiny", {});
  net.layers[1].bias = true;
  net.layers[1].module = "features.0.0";
  const NetSpec read = read_spec(write_spec(net));
  EXPECT_TRUE(read.layers[1].bias);
  EXPECT_FALSE(read.layers[4].bias);
  EXPECT_EQ(read.layers[1].module, "features.0.0");
  net.layers[2].bias = true;
  EXPECT_THAT(refusal(net), HasSubstr("only a convolution can say whether it has a bias"));
}

TEST(NetSpec, SegmentsStandInTheTextAndAreEven) {
  for (const std::string name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    const NetSpec net = make_net(name, {10, 3, 32, 32}, {"activation=lma", "lma-segments=6"});
    const std::string text = write_spec(net);
    const NetSpec read = read_spec(text);
    EXPECT_EQ(write_spec(read), text);
    for (const Layer& layer : read.layers) {
      EXPECT_EQ(layer.segments, layer.kind == LayerKind::activation ? 6 : 0) << layer.name;
    }
  }
  NetSpec net = make_net("slimmable-mobilenet-v1-tiny", {}, {"activation=lma"});
  for (const int segments : {0, 7, 66, -2}) {
    net.layers[3].segments = segments;
    EXPECT_THAT(refusal(net),
                HasSubstr("layer \"stem.activation\": has " + std::to_string(segments) +
                          " segments; expected an even number from 2 to 64"));
  }
  net.layers[3].activation = Activation::relu;
  net.layers[3].segments = 8;
  EXPECT_THAT(refusal(net), HasSubstr("has 8 segments; expected none"));
}

TEST(NetSpec, BitsBelongToConvolutionsAndActivations) {
  const NetSpec good = make_net("slimmable-mobilenet-v1-tiny", {});
  NetSpec net = good;
  net.layers[1].bits = 4;
  net.layers[3].bits = 1;
  EXPECT_EQ(refusal(net), "accepted");
  net.layers[1].bits = 9;
  EXPECT_THAT(refusal(net), HasSubstr("\"stem.conv\": has 9 bits; expected 1 to 8 or 32"));
  net = good;
  net.layers[2].bits = 4;
  EXPECT_THAT(refusal(net), HasSubstr("\"stem.norm\": has 4 bits; expected 32"));
  net = good;
  net.layers.back().bits = 0;
  EXPECT_THAT(refusal(net), HasSubstr("has 0 bits; expected 32"));
}

TEST(NetSpec, StateDictNamesAreTheModulesWhereTheyAreKnown) {
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  for (Layer& layer : spec.layers) layer.module.clear();
  EXPECT_EQ(state_dict_name(spec, "stem.conv/weight"), "stem.conv.weight");
  spec.layers[1].module = "features.0.0";
  EXPECT_EQ(state_dict_name(spec, "stem.conv/weight"), "features.0.0.weight");
  EXPECT_EQ(state_dict_name(spec, "stem.conv/weight", ".bn.1"), "features.0.0.bn.1.weight");
}

TEST(NetSpec, BadTextIsRefused) {
  EXPECT_THROW(read_spec("{"), DataError);
  EXPECT_THROW(read_spec("{}"), DataError);
  std::string text = write_spec(make_net("msdnet-tiny", {}));
  text.replace(text.find("\"conv\""), 6, "\"cone\"");
  try {
    read_spec(text);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"conv\""));
  }
}

TEST(NetSpec, CheckNamesTheLayerAndTheProblem) {
  const NetSpec good = make_net("slimmable-mobilenet-v1-tiny", {});
  NetSpec net = good;
  net.layers[3].inputs = {7};
  EXPECT_THAT(refusal(net),
              HasSubstr("layer \"stem.activation\": input 7 is not an earlier layer"));
  net = good;
  net.layers[2].name = "stem.conv";
  EXPECT_THAT(refusal(net), HasSubstr("the name stands twice"));
  net = good;
  net.layers[1].channels = 0;
  EXPECT_THAT(refusal(net), HasSubstr("has 0 channels"));
  net = good;
  net.layers.back().channels = 11;
  EXPECT_THAT(refusal(net), HasSubstr("one output a class"));
  net = good;
  net.exits.clear();
  EXPECT_THAT(refusal(net), HasSubstr("no exit"));
  net = good;
  net.widths.pop_back();
  EXPECT_THAT(refusal(net), HasSubstr("end with 1"));
  net = good;
  net.layers[1].stride = 64;
  net.layers[1].padding = 0;
  EXPECT_EQ(refusal(net), "accepted");
  net.layers[1].kernel = 40;
  EXPECT_THAT(refusal(net), HasSubstr("leaves no pixel"));
}

TEST(SubnetId, NamesWidthAndExit) {
  const NetSpec one = make_net("slimmable-mobilenet-v1", {});
  const NetSpec several = make_net("msdnet-tiny", {});
  EXPECT_EQ(subnet_id(one, {Width::parse("0.5"), 1}), "w0.500");
  EXPECT_EQ(subnet_id(several, {Width::parse("0.5"), 2}), "w0.500-e2");
  EXPECT_EQ(subnet_id(several, {Width::parse("0.5@4"), 2}), "w0.500@4-e2");
  const std::vector<Width> widths = parse_widths("1@4 1");
  EXPECT_EQ(parse_subnet_id(one, widths, "w1.000@4"), (Subnet{widths[0], 1}));
  for (const NetSpec& net : {one, several}) {
    for (const Subnet& subnet : all_subnets(net, net.widths)) {
      EXPECT_EQ(parse_subnet_id(net, net.widths, subnet_id(net, subnet)), subnet);
    }
  }
  EXPECT_THROW(parse_subnet_id(one, one.widths, "w0.300"), UsageError);
}

}  // namespace
}  // namespace concertina
