// Weights and maps of few bits (docs/methods.md, Switchable precision), by themselves and in a net.
#include "quantize.h"

#include <cmath>
#include <set>

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/nn/frozen_net.h"
#include "concertina/nn/prune.h"
#include "concertina/spec/map_grid.h"

#include "support/tensors.h"

namespace concertina {
namespace {

using testing::HasSubstr;

const char* const kNets[] = {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"};

at::Tensor images_for(std::uint64_t seed = 7) { return random_images({6, 3, 16, 16}, seed); }

FlexibleNet net_of(const std::string& name, const std::string& widths, NetSettings settings = {}) {
  return {make_net(name, {10, 3, 16, 16}), parse_widths(widths), settings, 1, at::kCPU};
}

FlexibleNet trained(const std::string& name, const std::string& widths) {
  FlexibleNet net = net_of(name, widths);
  const at::NoGradGuard guard;
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

std::size_t different_values(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.detach().contiguous();
  const float* values = dense.data_ptr<float>();
  return std::set<float>(values, values + dense.numel()).size();
}

std::string refusal(FlexibleNet& net, Engine engine) {
  try {
    net.set_engine(engine);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

// By hand: with m = 0.8 the values of two bits are -0.8, -0.8/3, 0.8/3 and 0.8.
TEST(Quantize, WeightsGoToTheNearestOfTheirGrid) {
  const at::Tensor squashed = at::tensor({0.8, -0.8, 0.0, 0.2, -0.5, 0.6}, at::kDouble);
  const double third = 0.8 / 3;
  EXPECT_TRUE(close(rounded_weight(at::atanh(squashed), 2),
                    at::tensor({0.8, -0.8, third, third, -third, 0.8}, at::kDouble), 1e-12));
  const at::Tensor zeros = rounded_weight(at::zeros({3}), 2);
  EXPECT_LT(at::abs(zeros).max().item<double>(), 1e-9);
}

TEST(Quantize, OneBitIsTheSignTimesTheMean) {
  const at::Tensor found = rounded_weight(at::tensor({1.0, -2.0, 0.0, 0.5}), 1);
  EXPECT_TRUE(close(found, at::tensor({0.875, -0.875, 0.875, 0.875}), 1e-7));
}

TEST(Quantize, WeightsHaveNoMoreValuesThanTheirBits) {
  const at::Tensor weight = random_images({8, 4, 3, 3});
  for (int bits = 1; bits <= Width::kMostBits; ++bits) {
    const at::Tensor found = rounded_weight(weight, bits);
    EXPECT_LE(different_values(found), std::size_t{1} << bits) << bits;
    if (bits <= 4) {
      EXPECT_EQ(different_values(found), std::size_t{1} << bits) << bits;
    }
    if (bits > 1) {
      const double most = at::tanh(at::abs(weight).max()).item<double>();
      EXPECT_LE(at::abs(found - at::tanh(weight)).max().item<double>(),
                1.0001 * most / ((1 << bits) - 1));
    }
  }
}

TEST(Quantize, TheGradientOfWeightsIsThatOfTanh) {
  const at::Tensor upstream = random_images({5, 7}, 3);
  for (const int bits : {1, 2, 8}) {
    const at::Tensor weight = random_images({5, 7}).requires_grad_();
    torch::autograd::backward({at::sum(rounded_weight(weight, bits) * upstream)}, {});
    const at::Tensor t = at::tanh(weight.detach());
    const at::Tensor expected = bits == 1 ? upstream : upstream * (1 - t * t);
    EXPECT_TRUE(close(weight.grad(), expected, 1e-6)) << bits;
  }
}

// By hand: two bits have 0, 0.650767, 1.301533 and 1.9523.
TEST(Quantize, MapsGoToTheNearestOfTheirGridAndHalvesUp) {
  const at::Tensor map = at::tensor({-1.0, 0.32, 0.33, 1.0, 1.6, 1.9, 5.0}, at::kDouble);
  const double step = 1.9523 / 3;
  EXPECT_TRUE(close(
      rounded_map(map, 2),
      at::tensor({0.0, 0.0, step, 2 * step, 2 * step, 3 * step, 3 * step}, at::kDouble), 1e-12));
  EXPECT_TRUE(close(rounded_map(at::tensor({0.612}, at::kDouble), 1),
                    at::tensor({1.224}, at::kDouble), 1e-12));
}

TEST(Quantize, TheGradientOfMapsPassesInsideTheGridOnly) {
  for (const auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const at::Tensor map =
        (random_images({3, 5, 4, 6}) * 3).contiguous(layout).detach().requires_grad_();
    const at::Tensor upstream = random_images({3, 5, 4, 6}, 3);
    const at::Tensor found = rounded_map(map, 4);
    torch::autograd::backward({at::sum(found * upstream)}, {});
    const at::Tensor inside = at::logical_and(map > 0, map < map_grid(4).top);
    EXPECT_TRUE(same_bytes(map.grad().contiguous(), (upstream * inside).contiguous()));
    EXPECT_TRUE(found.is_contiguous(layout));
    EXPECT_EQ(different_values(found), 16U);
  }
}

// The tops of docs/methods.md: no other is nearer to a standard normal number behind a ReLU.
TEST(Quantize, TheGridOfMapsIsTheNearestToANormalMap) {
  const auto error = [](double top, int bits) {
    const int steps = (1 << bits) - 1;
    double sum = 0;
    for (double x = 0.0005; x < 8; x += 0.001) {
      const double place = std::min(x, top) / top * steps;
      const double off = x - std::floor(place + 0.5) * top / steps;
      sum += off * off * std::exp(-x * x / 2);
    }
    return sum;
  };
  for (int bits = 1; bits <= Width::kMostBits; ++bits) {
    const auto [top, step] = map_grid(bits);
    EXPECT_DOUBLE_EQ(top, step * ((1 << bits) - 1));
    EXPECT_LT(error(top, bits), error(top * 1.01, bits)) << bits;
    EXPECT_LT(error(top, bits), error(top / 1.01, bits)) << bits;
  }
}

TEST(Quantized, SlicedForwardEqualsTheExtractedNetBitForBit) {
  for (const char* name : kNets) {
    FlexibleNet net = trained(name, "0.5@1 0.5@4 0.5 1@1 1@2 1@8 1");
    for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
      const at::Tensor inside = evaluated(net, images_for(9), subnet);
      FlexibleNet small = net.extract(subnet, Exits::only);
      small.set_engine(Engine::plain);
      EXPECT_TRUE(same_bytes(inside, evaluated(small, images_for(9), {Width(), 1})))
          << name << " " << subnet_id(net.spec(), subnet);
      if (!subnet.width.is_quantized()) continue;
      const FrozenNet frozen(net, subnet, Exits::only, make_execution_contexts(2));
      EXPECT_TRUE(same_bytes(inside, frozen.forward(images_for(9)).front()));
    }
  }
}

TEST(Quantized, MoreBitsAreNearerToTheFullNet) {
  FlexibleNet net = net_of(kNets[0], "1@2 1@4 1@8 1");
  const at::NoGradGuard guard;
  const at::Tensor full = net.forward(images_for(), {Width(), 1}, Pass::probe)[0];
  double last = 1e9;
  for (const Width width : parse_widths("1@2 1@4 1@8")) {
    const at::Tensor found = net.forward(images_for(), {width, 1}, Pass::probe)[0];
    const double error = (at::norm(found - full) / at::norm(full)).item<double>();
    EXPECT_LT(error, last / 2) << width.text();
    last = error;
  }
  EXPECT_LT(last, 0.2);  // tanh bends the larger weights
}

TEST(Quantized, FirstConvolutionAndLinearLayersKeepTheirWeights) {
  const FlexibleNet net = trained(kNets[0], "1@2 1");
  const FlexibleNet small = net.extract({Width::parse("1@2"), 1}, Exits::only);
  const auto full = tensors(net.weights()), few = tensors(small.weights());
  for (const Layer& layer : net.spec().layers) {
    const auto found = few.find(layer.name + "/weight");
    if (found == few.end()) continue;
    const bool kept = layer.name == "stem.conv" || layer.kind == LayerKind::linear;
    EXPECT_EQ(same_bytes(found->second, full.at(found->first)), kept) << layer.name;
    if (!kept) {
      EXPECT_LE(different_values(found->second), 4U) << layer.name;
    }
  }
}

TEST(Quantized, EveryPrecisionHasNormsOfItsOwn) {
  FlexibleNet net = trained(kNets[0], "1@4 1");
  const auto before = tensors(net.norms(Width()));
  const auto weights = tensors(net.weights());
  const Width few = Width::parse("1@4");
  const auto of_few = tensors(net.norms(few));
  const auto logits = net.forward(images_for(11), {few, 1}, Pass::train);
  torch::autograd::backward({at::sum(at::square(logits[0]))}, {});
  for (const auto& [name, value] : tensors(net.norms(Width()))) {
    EXPECT_TRUE(same_bytes(value, before.at(name))) << name;
  }
  int moved = 0, learns = 0;
  for (const auto& [name, value] : tensors(net.norms(few))) {
    moved += same_bytes(value, of_few.at(name)) ? 0 : 1;
  }
  EXPECT_EQ(moved, 2 * 11);  // mean and variance of every norm
  for (const Parameter& one : net.parameters()) {
    const bool shared = one.name.rfind('w', 0) != 0;
    const bool own = one.name.rfind("w1.000@4/", 0) == 0;
    const at::Tensor& gradient = one.value.grad();
    EXPECT_EQ(gradient.defined(), shared || own) << one.name;
    learns += gradient.defined() && at::any(at::ne(gradient, 0)).item<bool>() ? 1 : 0;
  }
  EXPECT_EQ(learns, 12 + 1 + 2 * 11);  // weights, the linear bias, and the norms
}

TEST(Quantized, SharedNormsAreCalibratedForEachPrecision) {
  FlexibleNet net = net_of(kNets[0], "1@4 1", {NormSharing::calibrated, 0.1});
  const at::NoGradGuard guard;
  for (const char* text : {"1", "1@4", "0.5@2"}) {  // one that is not listed, too
    const Width width = Width::parse(text);
    net.reset_statistics(width);
    net.forward(images_for(), {width, 1}, Pass::calibrate);
    net.set_calibrated(width, true);
    EXPECT_TRUE(at::isfinite(evaluated(net, images_for(), {width, 1})).all().item<bool>());
  }
  const auto full = tensors(net.norms(Width())), few = tensors(net.norms(Width::parse("1@4")));
  const std::string last = net.spec().layers[net.spec().layers.size() - 4].name;
  EXPECT_FALSE(same_bytes(full.at(last + "/running_var"), few.at(last + "/running_var")));
  EXPECT_TRUE(same_bytes(full.at(last + "/weight"), few.at(last + "/weight")));
}

TEST(Quantized, TheFusedEngineIsRefusedByName) {
  FlexibleNet net = net_of(kNets[0], "1@4 1");
  EXPECT_EQ(net.engine(), Engine::plain);
  EXPECT_EQ(
      refusal(net, Engine::fused),
      "engine \"fused\" cannot compute net \"slimmable-mobilenet-v1-tiny\" at width 1@4, which "
      "rounds to fewer bits; expected engine auto or plain");
  FlexibleNet small = net.extract({Width::parse("1@4"), 1}, Exits::only);
  EXPECT_EQ(small.engine(), Engine::plain);
  EXPECT_THAT(refusal(small, Engine::fused), HasSubstr("expected engine auto or plain"));
  EXPECT_EQ(net.extract({Width(), 1}, Exits::only).engine(), Engine::fused);
  EXPECT_EQ(refusal(net, Engine::plain), "accepted");
}

TEST(Quantized, AWidthThatIsNotListedRunsPlainlyInANetThatIsFused) {
  FlexibleNet net = net_of(kNets[0], "1", {NormSharing::calibrated, 0.1});
  ASSERT_EQ(net.engine(), Engine::fused);
  const Subnet few{Width::parse("1@4"), 1};
  const at::NoGradGuard guard;
  net.reset_statistics(few.width);
  net.forward(images_for(), few, Pass::calibrate);
  net.set_calibrated(few.width, true);
  const at::Tensor found = evaluated(net, images_for(), few);
  net.set_engine(Engine::plain);
  EXPECT_TRUE(same_bytes(found, evaluated(net, images_for(), few)));
}

TEST(Quantized, ACutNetKeepsItsPrecisions) {
  const FlexibleNet net = trained(kNets[0], "1@4 1");
  FlexibleNet small = prune(net, {}, 0.3, ChannelWorth::filter_length);
  EXPECT_EQ(small.widths(), net.widths());
  EXPECT_TRUE(
      at::isfinite(evaluated(small, images_for(), {Width::parse("1@4"), 1})).all().item<bool>());
}

}  // namespace
}  // namespace concertina
