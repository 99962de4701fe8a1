#include "concertina/nn/flexible_net.h"

#include <map>

#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/spec/cost.h"

#include "support/tensors.h"

namespace concertina {
namespace {

// Small inputs keep the large nets quick; every layer kind and every slice is still there.
NetSpec catalog_net(const NetEntry& entry) { return make_net(entry.name, {10, 3, 16, 16}); }

at::Tensor images_for(const NetSpec& spec, std::int64_t batch = 4) {
  return random_images({batch, spec.in_channels, spec.in_height, spec.in_width});
}

FlexibleNet make(const NetSpec& spec, NormSharing sharing = NormSharing::switchable) {
  return FlexibleNet(spec, spec.widths, {sharing, 0.1}, 1, at::kCPU);
}

// Statistics that are not the initial 0 and 1.
void warm_up(FlexibleNet& net, const at::Tensor& images) {
  const at::NoGradGuard guard;
  for (const Width width : net.widths()) {
    net.reset_statistics(width);
    net.forward(images, {width, net.spec().exit_count()}, Pass::calibrate);
    net.set_calibrated(width, true);
  }
}

class AllSharings : public testing::TestWithParam<NormSharing> {};
INSTANTIATE_TEST_SUITE_P(FlexibleNet, AllSharings,
                         testing::Values(NormSharing::switchable, NormSharing::shared,
                                         NormSharing::calibrated));

TEST_P(AllSharings, SlicedForwardEqualsTheExtractedNetBitForBit) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec spec = catalog_net(entry);
    FlexibleNet net = make(spec, GetParam());
    const at::Tensor images = images_for(spec);
    warm_up(net, images);
    const at::NoGradGuard guard;
    for (const Subnet& subnet : all_subnets(spec, spec.widths)) {
      FlexibleNet small = net.extract(subnet, Exits::only);
      const at::Tensor inside = net.forward(images, subnet, Pass::evaluate, Exits::only)[0];
      const at::Tensor outside = small.forward(images, {Width(), 1}, Pass::evaluate)[0];
      EXPECT_TRUE(same_bytes(inside, outside)) << entry.name << " " << subnet_id(spec, subnet);
    }
  }
}

at::Tensor calibrated_logits(FlexibleNet& net, Width width, const at::Tensor& images) {
  const at::NoGradGuard guard;
  net.reset_statistics(width);
  net.forward(images, {width, 1}, Pass::calibrate);
  net.set_calibrated(width, true);
  return net.forward(images, {width, 1}, Pass::evaluate)[0];
}

TEST(FlexibleNet, ForgetsAWidthThatIsNotListedAndCanHaveItAgain) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    FlexibleNet net = make(spec, NormSharing::calibrated);
    net.set_engine(engine);
    const at::Tensor images = images_for(spec);
    const Width odd = Width::parse("0.5-0.75-0.35"), listed = spec.widths.front();
    const at::Tensor before = calibrated_logits(net, odd, images);
    const at::Tensor of_listed = calibrated_logits(net, listed, images);
    net.forget(odd);
    net.forget(listed);
    net.forget(Width::parse("0.123"));  // which it never had
    EXPECT_EQ(net.bank_widths(), spec.widths);
    EXPECT_FALSE(net.is_calibrated(odd));
    const at::NoGradGuard guard;
    EXPECT_TRUE(same_bytes(net.forward(images, {listed, 1}, Pass::evaluate)[0], of_listed));
    EXPECT_TRUE(same_bytes(calibrated_logits(net, odd, images), before));
  }
}

// What is left of each full weight's gradient outside the sub-model's slice, added up.
double gradient_outside(const FlexibleNet& net, const Subnet& subnet) {
  std::map<std::string, at::Tensor> gradients;
  for (const Parameter& one : net.weights()) {
    if (one.value.grad().defined()) gradients[one.name] = one.value.grad().clone();
  }
  for (const ResolvedLayer& layer : resolve(net.spec(), subnet, Exits::only).layers) {
    const Layer& spec = net.spec().layers[static_cast<std::size_t>(layer.layer)];
    const auto gradient = gradients.find(spec.name + "/weight");
    if (gradient == gradients.end()) continue;
    EXPECT_GT(at::abs(gradient->second).max().item<double>(), 0) << spec.name;
    const bool matrix = spec.kind == LayerKind::conv || spec.kind == LayerKind::linear;
    const auto bias = gradients.find(spec.name + "/bias");
    for (const Range out : layer.out) {
      const at::Tensor rows = gradient->second.narrow(0, out.begin, out.size());
      if (!matrix) rows.zero_();
      for (const Range in : layer.in) {
        if (matrix) rows.narrow(1, in.begin, in.size()).zero_();
      }
      if (bias != gradients.end()) bias->second.narrow(0, out.begin, out.size()).zero_();
    }
  }
  double sum = 0;
  for (const auto& [name, gradient] : gradients) sum += at::abs(gradient).sum().item<double>();
  return sum;
}

// Norms of the other widths, which nothing of this sub-model may reach.
double gradient_in_other_banks(const FlexibleNet& net, Width width) {
  double sum = 0;
  for (const Parameter& one : net.parameters()) {
    const bool in_bank = one.name[0] == 'w' && one.name.find('/') != one.name.rfind('/');
    if (!in_bank || one.name.rfind(width.label() + "/", 0) == 0) continue;
    if (one.value.grad().defined()) sum += at::abs(one.value.grad()).sum().item<double>();
  }
  return sum;
}

TEST_P(AllSharings, ALossLeavesAnExactlyZeroGradientOutsideItsSlice) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec spec = catalog_net(entry);
    FlexibleNet net = make(spec, GetParam());
    const at::Tensor images = images_for(spec);
    for (const Subnet& subnet : all_subnets(spec, spec.widths)) {
      for (Parameter one : net.parameters()) one.value.mutable_grad() = at::Tensor();
      const at::Tensor logits = net.forward(images, subnet, Pass::train, Exits::only)[0];
      torch::autograd::backward({at::sum(at::mul(logits, logits))}, {});
      EXPECT_EQ(gradient_outside(net, subnet), 0) << entry.name << subnet_id(spec, subnet);
      EXPECT_EQ(gradient_in_other_banks(net, subnet.width), 0) << entry.name;
    }
  }
}

TEST(FlexibleNet, ParametersOfAnExtractedNetAreItsCost) {
  for (const NetEntry& entry : net_catalog()) {
    const NetSpec spec = catalog_net(entry);
    const FlexibleNet net = make(spec);
    for (const Subnet& subnet : all_subnets(spec, spec.widths)) {
      const SubnetCost cost = subnet_cost(spec, subnet);
      for (const Exits exits : {Exits::up_to, Exits::only}) {
        std::int64_t count = 0;
        for (const Parameter& one : net.extract(subnet, exits).parameters()) {
          count += one.value.numel();
        }
        EXPECT_EQ(count, exits == Exits::only ? cost.alone.params : cost.anytime.params);
      }
    }
  }
}

TEST(FlexibleNet, TrainingAWidthMovesOnlyItsStatistics) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  FlexibleNet net = make(spec);
  const Width narrow = spec.widths.front();
  net.forward(images_for(spec), {narrow, 1}, Pass::train);
  EXPECT_TRUE(net.is_calibrated(narrow));
  EXPECT_FALSE(net.is_calibrated(Width()));
  const auto mean = [&](Width width) {
    return net.norms(width)[2].value.abs().sum().item<float>();
  };
  EXPECT_GT(mean(narrow), 0);
  EXPECT_EQ(mean(Width()), 0);
}

TEST(FlexibleNet, CalibrationIsTheExactAverageOfTheBatches) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  FlexibleNet net = make(spec, NormSharing::calibrated);
  const at::NoGradGuard guard;
  const Width width = Width::parse("0.6");
  const auto stem_mean = [&] { return net.norms(width)[2].value.clone(); };
  at::Tensor sum;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const at::Tensor images = random_images({4, 3, 32, 32}, seed);
    net.reset_statistics(width);
    net.forward(images, {width, 1}, Pass::calibrate);
    sum = seed == 1 ? stem_mean() : at::add(sum, stem_mean());
  }
  net.reset_statistics(width);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    net.forward(random_images({4, 3, 32, 32}, seed), {width, 1}, Pass::calibrate);
  }
  EXPECT_TRUE(close(stem_mean(), at::div(sum, 3), 1e-6));  // one rounding a batch
}

TEST(FlexibleNet, SharedNormsHaveOneWeightAndStatisticsOfEveryWidth) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    FlexibleNet net = make(spec, NormSharing::shared);
    net.set_engine(engine);
    const Width narrow = spec.widths.front();
    const at::Tensor images = images_for(spec);
    const auto mean = [&](Width width) { return net.norms(width)[2].value.clone(); };
    net.forward(images, {narrow, 1}, Pass::train);
    EXPECT_TRUE(net.is_calibrated(narrow));
    EXPECT_FALSE(net.is_calibrated(Width()));
    EXPECT_GT(mean(narrow).abs().sum().item<float>(), 0);
    EXPECT_EQ(mean(Width()).abs().sum().item<float>(), 0);
    const at::Tensor before = mean(narrow);
    net.forward(images, {Width::parse("0.613"), 1}, Pass::train);  // drawn, and not listed
    EXPECT_EQ(net.bank_widths(), spec.widths);
    EXPECT_TRUE(same_bytes(mean(narrow), before));
    for (const Parameter& one : net.parameters()) {  // no width has a weight of its own
      EXPECT_EQ(one.name.find("w0."), std::string::npos) << one.name;
    }
    net.forward(images, {narrow, 1}, Pass::evaluate);
  }
}

TEST(FlexibleNet, CalibratedNormsTrainAnyWidthAndKeepStatisticsAlone) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  FlexibleNet net = make(spec, NormSharing::calibrated);
  net.forward(images_for(spec), {Width::parse("0.613"), 1}, Pass::train);
  net.forward(images_for(spec), {Width(), 1}, Pass::train);
  EXPECT_FALSE(net.is_calibrated(Width()));
  EXPECT_EQ(net.norms(Width())[2].value.abs().sum().item<float>(), 0);
}

TEST(FlexibleNet, RefusesWidthsItCannotAnswerFor) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {});
  FlexibleNet net = make(spec);
  const at::Tensor images = images_for(spec);
  try {
    net.forward(images, {Width::parse("0.6"), 1}, Pass::train);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("not one of the net's: 0.25 0.5 0.75 1"));
  }
  EXPECT_THROW(net.forward(images, {Width(), 1}, Pass::evaluate), UsageError);
  EXPECT_THROW(net.forward(images, {Width(), 2}, Pass::train), UsageError);
}

TEST(FlexibleNet, TheSameSeedGivesTheSameWeights) {
  const NetSpec spec = make_net("msdnet-tiny", {});
  const FlexibleNet a = make(spec);
  const FlexibleNet b = make(spec);
  const FlexibleNet c(spec, spec.widths, {}, 2, at::kCPU);
  EXPECT_TRUE(same_bytes(a.weights()[0].value, b.weights()[0].value));
  EXPECT_FALSE(same_bytes(a.weights()[0].value, c.weights()[0].value));
}

TEST(FlexibleNet, OnlyConvolutionsAndLinearLayersAreMatrices) {
  const FlexibleNet net = make(make_net("slimmable-mobilenet-v1-tiny", {1, 1, 28, 28}));
  for (const Parameter& one : net.parameters()) {
    const bool matrix = testing::Matches(testing::AnyOf(
        testing::EndsWith("stem.conv/weight"), testing::EndsWith("pointwise.conv/weight"),
        testing::EndsWith("classifier/weight")))(one.name);
    EXPECT_EQ(one.is_matrix, matrix) << one.name;
  }
}

TEST(FlexibleNet, ImagesOfAnotherShapeAreRefused) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 32, 32});
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
    net.set_engine(engine);
    for (const std::vector<std::int64_t>& shape :
         {std::vector<std::int64_t>{2, 3, 33, 32}, {2, 4, 32, 32}, {3, 32, 32}, {0, 3, 32, 32}}) {
      EXPECT_THROW(net.forward(at::zeros(shape), {Width(), 1}, Pass::train), UsageError);
    }
  }
}

TEST(FlexibleNet, ARefusedEngineChangesNothing) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 32, 32});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  EXPECT_THROW(net.set_engine(Engine::plain, Precision::bf16), UsageError);
  EXPECT_EQ(net.engine(), Engine::fused);
  EXPECT_EQ(net.precision(), Precision::fp32);
}

}  // namespace
}  // namespace concertina
