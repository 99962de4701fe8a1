// The fused engine against the plain one, and both against the plain one in float64.
#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/kernels/matmul.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/nets/catalog.h"
#include "concertina/nn/flexible_net.h"

#include "support/nets.h"
#include "support/tensors.h"

namespace concertina {
namespace {

constexpr std::int64_t kBatch = 8;

// LibTorch's own float32 logits are up to 9e-5 of their scale from the fused engine's (measured, 54
// layers at initial weights); the fused ones are nearer to float64.
constexpr double kLogits = 3e-4;

NetSpec catalog_net(const std::string& name) { return make_net(name, {10, 3, 32, 32}); }

// Nets of several devices have means, which the fused engine does not know.
bool averages(const std::string& net) { return net.rfind("nonn", 0) == 0; }

FlexibleNet make(const NetSpec& spec, Engine engine,
                 NormSharing sharing = NormSharing::switchable) {
  FlexibleNet net(spec, spec.widths, {sharing, 0.1}, 1, at::kCPU);
  net.set_engine(engine);
  return net;
}

// The same net in float64.
FlexibleNet exact_net(const NetSpec& spec) {
  FlexibleNet net = make(spec, Engine::plain);
  widen(net);
  return net;
}

at::Tensor images_for(const NetSpec& spec) {
  return random_images({kBatch, spec.in_channels, spec.in_height, spec.in_width});
}

// A gradient for the logits of every exit, in the net's type.
std::vector<at::Tensor> gradients_for(const std::vector<at::Tensor>& logits) {
  std::vector<at::Tensor> gradients;
  for (std::size_t exit = 0; exit < logits.size(); ++exit) {
    const at::Tensor each = random_images(logits[exit].sizes(), 100 + exit);
    gradients.push_back(each.to(logits[exit].scalar_type()));
  }
  return gradients;
}

void run_both_ways(FlexibleNet& net, const at::Tensor& images, const Subnet& subnet) {
  const auto logits = net.forward(images, subnet, Pass::train);
  torch::autograd::backward(logits, gradients_for(logits));
}

double length(const at::Tensor& tensor) { return at::norm(tensor.to(at::kDouble)).item<double>(); }

class FusedSharings : public testing::TestWithParam<NormSharing> {};
INSTANTIATE_TEST_SUITE_P(Fused, FusedSharings,
                         testing::Values(NormSharing::switchable, NormSharing::shared,
                                         NormSharing::calibrated));

TEST_P(FusedSharings, LogitsAndStatisticsAreThePlainEngines) {
  for (const NetEntry& entry : net_catalog()) {
    if (averages(entry.name)) continue;
    const NetSpec spec = catalog_net(entry.name);
    FlexibleNet plain = make(spec, Engine::plain, GetParam());
    FlexibleNet fused = make(spec, Engine::fused, GetParam());
    const at::Tensor images = images_for(spec);
    const at::NoGradGuard guard;
    for (const Width width : spec.widths) {
      plain.reset_statistics(width);
      fused.reset_statistics(width);
      for (const Pass pass : {Pass::train, Pass::calibrate, Pass::calibrate, Pass::evaluate}) {
        if (pass == Pass::evaluate) {
          plain.set_calibrated(width, true);
          fused.set_calibrated(width, true);
        }
        const Subnet subnet{width, spec.exit_count()};
        const auto theirs = plain.forward(images, subnet, pass);
        const auto ours = fused.forward(images, subnet, pass);
        ASSERT_EQ(ours.size(), theirs.size());
        for (std::size_t k = 0; k < ours.size(); ++k) {
          EXPECT_TRUE(close(ours[k], theirs[k], kLogits)) << entry.name << " " << width.label();
        }
      }
      const auto theirs = plain.norms(width);
      const auto ours = fused.norms(width);
      for (std::size_t k = 0; k < ours.size(); ++k) {
        EXPECT_TRUE(close(ours[k].value, theirs[k].value, kLogits))
            << entry.name << " " << width.label() << " " << ours[k].name;
      }
    }
  }
}

// Next to a ReLU's corner one rounding decides whether a gradient passes: in deep nets at initial
// weights that is up to 3e-2 of the gradient, for LibTorch's float32 as for ours (measured), and
// which of the two a corner meets is chance. So the whole gradient is compared with float64's: none
// is further than that, and over all nets together ours are as near as LibTorch's.
TEST(Fused, GradientsAreAsNearToFloat64AsThePlainEngines) {
  double log_ratio = 0;
  int cases = 0;
  for (const NetEntry& entry : net_catalog()) {
    if (averages(entry.name)) continue;
    const NetSpec spec = catalog_net(entry.name);
    for (const Width width : spec.widths) {
      FlexibleNet plain = make(spec, Engine::plain);
      FlexibleNet fused = make(spec, Engine::fused);
      FlexibleNet exact = exact_net(spec);
      const Subnet subnet{width, spec.exit_count()};
      const at::Tensor images = images_for(spec);
      run_both_ways(plain, images, subnet);
      run_both_ways(fused, images, subnet);
      run_both_ways(exact, images.to(at::kDouble), subnet);
      const auto theirs = plain.parameters(), ours = fused.parameters(), truth = exact.parameters();
      double their_error = 0, our_error = 0, scale = 0;
      for (std::size_t k = 0; k < truth.size(); ++k) {
        const at::Tensor& gradient = truth[k].value.grad();
        ASSERT_EQ(ours[k].value.grad().defined(), gradient.defined()) << ours[k].name;
        if (!gradient.defined()) continue;
        their_error += std::pow(length(at::sub(theirs[k].value.grad(), gradient)), 2);
        our_error += std::pow(length(at::sub(ours[k].value.grad(), gradient)), 2);
        scale += std::pow(length(gradient), 2);
      }
      EXPECT_LE(std::sqrt(our_error / scale), 3e-2) << entry.name << " " << width.label();
      const double least = 1e-14 * scale;
      log_ratio += std::log(std::max(our_error, least) / std::max(their_error, least)) / 2;
      ++cases;
    }
  }
  EXPECT_LE(std::exp(log_ratio / cases), 1.2) << "of LibTorch's distance, the geometric mean";
}

// Every gradient of a net so shallow that no rounding meets a corner, and of `exact`, in float64.
// Gradients that cancel to nothing (of a norm's weight before another norm) are measured by the
// largest.
void expect_near_gradients(const FlexibleNet& net, const FlexibleNet& exact,
                           const std::string& name) {
  const auto ours = net.parameters(), truth = exact.parameters();
  double largest = 0;
  for (const Parameter& one : truth) {
    if (one.value.grad().defined()) {
      largest = std::max(largest, at::max(at::abs(one.value.grad())).item<double>());
    }
  }
  for (std::size_t k = 0; k < truth.size(); ++k) {
    if (!truth[k].value.grad().defined()) {
      if (ours[k].value.grad().defined()) {
        EXPECT_EQ(length(ours[k].value.grad()), 0) << name << " " << ours[k].name;
      }
      continue;
    }
    const at::Tensor difference = at::sub(ours[k].value.grad(), truth[k].value.grad());
    EXPECT_LE(at::max(at::abs(difference)).item<double>(), 1e-5 * largest)
        << name << " " << ours[k].name;
  }
}

TEST(Fused, EveryGradientOfTheSmallNetsIsFloat64s) {
  for (const std::string name :
       {"slimmable-mobilenet-v1-tiny", "slimmable-mobilenet-v1-small", "msdnet-tiny"}) {
    const NetSpec spec = catalog_net(name);
    FlexibleNet fused = make(spec, Engine::fused);
    FlexibleNet exact = exact_net(spec);
    const at::Tensor images = images_for(spec).set_requires_grad(true);
    const at::Tensor exact_images = images.detach().to(at::kDouble).set_requires_grad(true);
    for (const Width width : spec.widths) {
      run_both_ways(fused, images, {width, spec.exit_count()});
      run_both_ways(exact, exact_images, {width, spec.exit_count()});
    }
    EXPECT_TRUE(close(images.grad().to(at::kDouble), exact_images.grad(), 1e-4)) << name;
    expect_near_gradients(fused, exact, name);
  }
}

TEST(Fused, GivesTheSameBytesForEveryNumberOfThreads) {
  const int before = kernels::thread_count();
  std::vector<std::pair<std::string, Precision>> cases = {
      {"slimmable-mobilenet-v1", Precision::fp32}, {"msdnet-tiny", Precision::fp32}};
  if (kernels::has_bfloat16()) cases.push_back({"slimmable-mobilenet-v1", Precision::bf16});
  for (const auto& [name, precision] : cases) {
    const NetSpec spec = catalog_net(name);
    const Subnet subnet{spec.widths.front(), spec.exit_count()};
    std::vector<FlexibleNet> nets;
    for (const int threads : {1, 1, 2, 5}) {
      kernels::set_thread_count(threads);
      nets.push_back(make(spec, Engine::fused));
      nets.back().set_engine(Engine::fused, precision);
      run_both_ways(nets.back(), images_for(spec), subnet);
      const auto first = nets.front().parameters(), now = nets.back().parameters();
      for (std::size_t k = 0; k < first.size(); ++k) {
        if (!first[k].value.grad().defined()) continue;
        EXPECT_TRUE(same_bytes(now[k].value.grad(), first[k].value.grad()))
            << name << " " << first[k].name << ", " << threads << " threads";
      }
      for (const Parameter& one : nets.back().norms(subnet.width)) {
        if (!at::isfinite(one.value).all().item<bool>()) ADD_FAILURE() << one.name;
      }
    }
  }
  kernels::set_thread_count(before);
}

// A teacher whose gradient passes keeps its graph while its students run.
TEST(Fused, PassesMayOverlap) {
  const NetSpec spec = catalog_net("slimmable-mobilenet-v1-tiny");
  FlexibleNet overlapped = make(spec, Engine::fused);
  FlexibleNet one_by_one = make(spec, Engine::fused);
  const at::Tensor images = images_for(spec);
  std::vector<std::vector<at::Tensor>> logits;
  for (const Width width : spec.widths) {
    logits.push_back(overlapped.forward(images, {width, 1}, Pass::train));
    run_both_ways(one_by_one, images, {width, 1});
  }
  for (const auto& each : logits) torch::autograd::backward(each, gradients_for(each));
  const auto left = overlapped.parameters(), right = one_by_one.parameters();
  for (std::size_t k = 0; k < left.size(); ++k) {
    EXPECT_TRUE(same_bytes(left[k].value.grad(), right[k].value.grad())) << left[k].name;
  }
}

// Weights are kept packed from one evaluation to the next.
TEST(Fused, AnEvaluationSeesEveryChangeOfAWeight) {
  const NetSpec spec = catalog_net("slimmable-mobilenet-v1-tiny");
  FlexibleNet net = make(spec, Engine::fused);
  const Subnet subnet{Width(), 1};
  const at::NoGradGuard guard;
  net.set_calibrated(Width(), true);
  const auto evaluate = [&] { return net.forward(images_for(spec), subnet, Pass::evaluate)[0]; };
  const auto evaluate_copy = [&] {
    return net.extract(subnet, Exits::only)
        .forward(images_for(spec), {Width(), 1}, Pass::evaluate)[0];
  };
  const at::Tensor first = evaluate();
  EXPECT_TRUE(same_bytes(evaluate(), first));
  at::Tensor weight = net.weights().front().value;
  weight.mul_(2);
  EXPECT_FALSE(same_bytes(evaluate(), first));
  EXPECT_TRUE(same_bytes(evaluate(), evaluate_copy()));
  weight.set_data(at::mul(weight.detach(), 2));
  EXPECT_TRUE(same_bytes(evaluate(), evaluate_copy()));
}

TEST(Fused, AnExitWithoutAGradientAddsNothing) {
  const NetSpec spec = catalog_net("msdnet-tiny");
  FlexibleNet plain = make(spec, Engine::plain);
  FlexibleNet fused = make(spec, Engine::fused);
  for (FlexibleNet* net : {&plain, &fused}) {
    const auto logits = net->forward(images_for(spec), {Width(), spec.exit_count()}, Pass::train);
    torch::autograd::backward({logits[1]}, {gradients_for(logits)[1]});
  }
  const auto theirs = plain.parameters(), ours = fused.parameters();
  for (std::size_t k = 0; k < ours.size(); ++k) {
    const at::Tensor& gradient = theirs[k].value.grad();
    if (!ours[k].value.grad().defined()) continue;
    if (gradient.defined()) {
      EXPECT_LE(length(at::sub(ours[k].value.grad(), gradient)), 1e-4 * length(gradient) + 1e-5)
          << ours[k].name;
    } else {
      EXPECT_EQ(length(ours[k].value.grad()), 0) << ours[k].name;
    }
  }
}

struct TapCase {
  std::string net, width;
  std::vector<std::string> taps;
};
const std::vector<TapCase> kTapCases = {
    {"slimmable-mobilenet-v1-tiny", "0.5", {"stem.activation", "stage2.1.pointwise.activation"}},
    {"msdnet-tiny",
     "0.5",
     {"layer1.scale1.concat", "first.scale1.activation", "exit1.second.activation"}},
};

TEST(Fused, TapsAndTheirGradientsAreFloat64s) {
  for (const TapCase& one : kTapCases) {
    const NetSpec spec = catalog_net(one.net);
    const Subnet subnet{Width::parse(one.width), spec.exit_count()};
    FlexibleNet fused = make(spec, Engine::fused);
    FlexibleNet exact = exact_net(spec);
    const at::Tensor images = images_for(spec);
    const auto ours = fused.forward(images, subnet, Pass::train, Exits::up_to, one.taps);
    const auto truth =
        exact.forward(images.to(at::kDouble), subnet, Pass::train, Exits::up_to, one.taps);
    ASSERT_EQ(ours.size(), subnet.exit + one.taps.size());
    EXPECT_EQ(ours.back().grad_fn(), ours.front().grad_fn()) << "not one fused pass";
    for (std::size_t k = 0; k < ours.size(); ++k) {
      EXPECT_TRUE(close(ours[k].to(at::kDouble), truth[k], 1e-5)) << one.net << " " << k;
    }
    torch::autograd::backward(ours, gradients_for(ours));
    torch::autograd::backward(truth, gradients_for(truth));
    expect_near_gradients(fused, exact, one.net);
  }
}

// What leads to no exit may lead to a tap; and a tap may be all that has a gradient.
TEST(Fused, ATapAloneSendsItsGradientBack) {
  for (const TapCase& one : kTapCases) {
    const NetSpec spec = catalog_net(one.net);
    const Subnet subnet{Width::parse(one.width), 1};
    FlexibleNet fused = make(spec, Engine::fused);
    FlexibleNet exact = exact_net(spec);
    const at::Tensor images = images_for(spec);
    for (FlexibleNet* net : {&fused, &exact}) {
      const at::Tensor tap = net->forward(net == &exact ? images.to(at::kDouble) : images, subnet,
                                          Pass::train, Exits::up_to, {one.taps.front()})[1];
      torch::autograd::backward({tap}, gradients_for({tap}));
    }
    expect_near_gradients(fused, exact, one.net);
  }
}

TEST(Fused, InBfloat16TapsAreNearFloat32s) {
  if (!kernels::has_bfloat16()) GTEST_SKIP() << "this processor has no bfloat16 products";
  const TapCase& one = kTapCases.front();
  const NetSpec spec = catalog_net(one.net);
  const Subnet subnet{Width::parse(one.width), 1};
  FlexibleNet half = make(spec, Engine::fused), full = make(spec, Engine::fused);
  half.set_engine(Engine::fused, Precision::bf16);
  const auto ours = half.forward(images_for(spec), subnet, Pass::train, Exits::up_to, one.taps);
  const auto theirs = full.forward(images_for(spec), subnet, Pass::train, Exits::up_to, one.taps);
  for (std::size_t k = 0; k < ours.size(); ++k) EXPECT_TRUE(close(ours[k], theirs[k], 0.1)) << k;
}

TEST(FlexibleNet, ATapBeforeItsNormRunsOnThePlainEngine) {
  const NetSpec spec = catalog_net("slimmable-mobilenet-v1-tiny");
  FlexibleNet plain = make(spec, Engine::plain), fused = make(spec, Engine::fused);
  for (const std::string tap : {"stem.conv", "stem.norm", "pool", "classifier"}) {
    const auto run = [&](FlexibleNet& net) {
      return net.forward(images_for(spec), {Width(), 1}, Pass::train, Exits::up_to, {tap}).back();
    };
    EXPECT_TRUE(same_bytes(run(fused), run(plain))) << tap;
  }
}

TEST(FlexibleNet, AnUnknownTapIsRefusedWithTheNearestOneIfThereIsOne) {
  const NetSpec spec = catalog_net("slimmable-mobilenet-v1-tiny");
  FlexibleNet net = make(spec, Engine::fused);
  for (const auto& [tap, hint] :
       {std::pair<std::string, std::string>{"stem.activaton", "did you mean \"stem.activation\"?"},
        {"layer4.0.bn1.weight", "expected the name of one of its layers"}}) {
    try {
      net.forward(images_for(spec), {Width(), 1}, Pass::train, Exits::up_to, {tap});
      FAIL() << "expected an error";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr(hint));
    }
  }
}

// A residual net: what the fused engine does not know.
NetSpec residual() {
  NetSpec spec = catalog_net("slimmable-mobilenet-v1-tiny");
  spec = extract_spec(spec, resolve(spec, {Width(), 1}));
  const int before = spec.layers[static_cast<std::size_t>(spec.exits[0])].inputs[0];
  const int map = spec.layers[static_cast<std::size_t>(before)].inputs[0];
  Layer sum;
  sum.name = "sum";
  sum.kind = LayerKind::add;
  sum.inputs = {map, map};
  // In the pool's place, which moves on with the classifier.
  std::vector<Layer> layers(spec.layers.begin(), spec.layers.begin() + before);
  layers.push_back(sum);
  layers.push_back(spec.layers[static_cast<std::size_t>(before)]);
  layers.back().inputs = {before};
  layers.push_back(spec.layers[static_cast<std::size_t>(spec.exits[0])]);
  layers.back().inputs = {before + 1};
  spec.layers = layers;
  spec.exits = {before + 2};
  check(spec);
  return spec;
}

TEST(Fused, ANetItCannotComputeIsRefusedByNameOrRunPlain) {
  const NetSpec spec = residual();
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  EXPECT_EQ(net.engine(), Engine::plain);
  EXPECT_EQ(net.forward(images_for(spec), {Width(), 1}, Pass::train)[0].size(0), kBatch);
  try {
    net.set_engine(Engine::fused);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("layer \"sum\" adds feature maps"));
  }
}

TEST(Fused, IsWhatComputesByItself) {
  const NetSpec spec = catalog_net("msdnet-tiny");
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  EXPECT_EQ(net.engine(), Engine::fused);
  EXPECT_EQ(net.extract({Width(), 1}, Exits::only).engine(), Engine::fused);
  net.set_engine(Engine::plain);
  EXPECT_EQ(net.engine(), Engine::plain);
  EXPECT_EQ(net.extract({Width(), 1}, Exits::only).engine(), Engine::plain);
}

}  // namespace
}  // namespace concertina
