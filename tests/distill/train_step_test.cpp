#include "concertina/distill/train_step.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/distill/criteria.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"

namespace concertina {
namespace {

constexpr const char* kLabel = "label -> each : ce weight=1";
constexpr const char* kChain =
    "next-larger -> each : kl weight=0.5 temperature=4 reduction=batchmean t-power=2 "
    "gradient=stop";

DistillPlan plan_of(const std::vector<std::string>& edges) {
  DistillPlan plan;
  for (const std::string& edge : edges) plan.edges.push_back(parse_edge(edge));
  return plan;
}

struct Fixture {
  explicit Fixture(const std::string& name = "slimmable-mobilenet-v1-tiny")
      : spec(make_net(name, {10, 3, 16, 16})), net(spec, spec.widths, {}, 1, at::kCPU) {}
  NetSpec spec;
  FlexibleNet net;
  at::Tensor images = random_images({8, 3, 16, 16});
  at::Tensor labels = at::arange(8, at::kLong);

  StepReport step(const DistillPlan& plan) {
    PlanStep place;
    place.active = spec.widths;
    place.exits = spec.exit_count();
    return train_step(net, plan, AuxiliaryModules(), {{images, labels, {}, {}, nullptr}, place});
  }
  at::Tensor gradient(const std::string& name) const {
    for (const Parameter& one : net.parameters()) {
      if (one.name == name) return one.value.grad();
    }
    throw std::runtime_error("no parameter " + name);
  }
};

at::Tensor plain_ce(const at::Tensor& labels, const at::Tensor& logits) {
  return at::nll_loss(at::log_softmax(logits, 1), labels);
}

// The IPKD-TA chain written out with plain operations on one graph.
void plain_chain(Fixture& fixture) {
  at::Tensor total, above;
  for (auto width = fixture.spec.widths.rbegin(); width != fixture.spec.widths.rend(); ++width) {
    const at::Tensor logits = fixture.net.forward(fixture.images, {*width, 1}, Pass::train)[0];
    at::Tensor loss = plain_ce(fixture.labels, logits);
    if (above.defined()) {
      const at::Tensor p = at::softmax(at::div(above.detach(), 4), 1);
      const at::Tensor q = at::log_softmax(at::div(logits, 4), 1);
      const at::Tensor kl = at::sum(at::mul(p, at::sub(at::log(p), q)));
      loss = at::add(loss, at::mul(kl, 0.5 * 16 / 8));
    }
    total = total.defined() ? at::add(total, loss) : loss;
    above = logits;
  }
  torch::autograd::backward({total}, {});
}

TEST(TrainStep, GradientsEqualThePlainChain) {
  Fixture ours, theirs;
  ours.step(plan_of({kLabel, kChain}));
  plain_chain(theirs);
  double scale = 0;
  for (const Parameter& one : ours.net.parameters()) {
    scale = std::max(scale, at::abs(one.value.grad()).max().item<double>());
  }
  for (const Parameter& one : ours.net.parameters()) {
    // The same sums in another order, fp32: 1e-6 of the net's largest gradient. (Gradients that
    // cancel, such as those of a scale before another norm, are noise of that size.)
    const at::Tensor difference = at::sub(one.value.grad(), theirs.gradient(one.name));
    EXPECT_LE(at::abs(difference).max().item<double>(), 1e-6 * scale) << one.name;
  }
}

TEST(TrainStep, AStopTeacherGetsNothingFromItsStudents) {
  Fixture alone, teaching;
  alone.step(plan_of({kLabel}));
  teaching.step(plan_of({kLabel, kChain}));
  const std::string norm = "w1.000/stem.norm/weight";  // only the full width's passes reach it
  EXPECT_TRUE(same_bytes(alone.gradient(norm), teaching.gradient(norm)));
  Fixture through;
  std::string edge = kChain;
  edge.replace(edge.find("stop"), 4, "through");
  through.step(plan_of({kLabel, edge}));
  EXPECT_FALSE(same_bytes(alone.gradient(norm), through.gradient(norm)));
}

TEST(TrainStep, ThroughGradientsAreThoseOfOneGraph) {
  Fixture ours("msdnet-tiny"), theirs("msdnet-tiny");
  ours.spec.widths = {Width()};
  std::string edge = kChain;
  edge.replace(edge.find("stop"), 4, "through");
  ours.step(plan_of({kLabel, edge}));
  const auto logits = theirs.net.forward(theirs.images, {Width(), 3}, Pass::train);
  Edge kl = parse_edge(edge);
  at::Tensor total = plain_ce(theirs.labels, logits[2]);
  for (const std::size_t exit : {1u, 0u}) {
    total = at::add(total, plain_ce(theirs.labels, logits[exit]));
    const LossInputs pair{theirs.labels, logits[exit + 1], logits[exit], {}, {}};
    total = at::add(total, at::mul(edge_loss(kl, 4, pair), 0.5));
  }
  torch::autograd::backward({total}, {});
  const std::string name = "exit3.classifier/weight";
  EXPECT_TRUE(close(ours.gradient(name), theirs.gradient(name), 1e-4));
}

TEST(TrainStep, ReportsEveryLinkAndSubModel) {
  Fixture fixture("msdnet-tiny");
  const StepReport report = fixture.step(plan_of({kLabel, kChain}));
  EXPECT_EQ(report.subnets.size(), 6u);
  EXPECT_EQ(report.terms.size(), 6u + 5u);  // every one but the largest has a next larger one
  for (const TermReport& term : report.terms) {
    EXPECT_TRUE(std::isfinite(term.loss));
    EXPECT_GT(term.gradient_norm, 0);
  }
  // At the start the classes are about equally likely.
  EXPECT_NEAR(report.terms.front().loss, std::log(10.0), 0.5);
}

TEST(TrainStep, ALinksGradientNormIsThatOfItsLossInTheLogits) {
  Fixture fixture;
  fixture.spec.widths = {Width()};
  const StepReport report = fixture.step(plan_of({kLabel}));
  Fixture again;
  const at::Tensor logits = again.net.forward(again.images, {Width(), 1}, Pass::train)[0].detach();
  const at::Tensor truth = at::one_hot(again.labels, 10);
  const at::Tensor gradient = at::div(at::sub(at::softmax(logits, 1), truth), 8);
  EXPECT_NEAR(report.terms[0].gradient_norm, at::norm(gradient).item<double>(), 1e-6);
}

TEST(TrainStep, NotANumberStopsNamingSubModelAndTerm) {
  Fixture fixture;
  fixture.images[3][0][0][0] = std::numeric_limits<float>::quiet_NaN();
  try {
    fixture.step(plan_of({kLabel, kChain}));
    FAIL() << "accepted";
  } catch (const DivergedError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("w1.000, edge \"label -> each : ce weight=1\""));
  }
}

}  // namespace
}  // namespace concertina
