// Every shipped recipe's loss against a plain LibTorch version of its formula (docs/methods.md), on
// one graph: the same gradients for the net, and for what the plan learns beside it.
#include <cmath>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/distill/feature_losses.h"
#include "concertina/distill/train_step.h"
#include "concertina/nets/catalog.h"
#include "concertina/recipe/recipe.h"

#include "support/teachers.h"
#include "support/tensors.h"

namespace concertina {
namespace {

using Tensor = at::Tensor;
using List = std::vector<Tensor>;

Tensor ce(const Tensor& labels, const Tensor& z, double smoothing = 0) {
  const Tensor log_p = at::log_softmax(z, 1);
  const Tensor hard = at::nll_loss(log_p, labels);
  return hard * (1 - smoothing) - at::mean(log_p) * smoothing;
}
Tensor soft_ce(const Tensor& t, const Tensor& s) {
  return -at::sum(at::softmax(t.detach(), 1) * at::log_softmax(s, 1)) / s.size(0);
}
// T^2 KL, mean over the batch; the target may have a gradient.
Tensor kl(const Tensor& t, const Tensor& s, double T, double offset = 0) {
  const auto images = static_cast<double>(s.size(0));
  const Tensor p = at::softmax(t / T, 1) + offset;
  return at::sum(p * (at::log(p) - at::log_softmax(s / T, 1))) * (T * T / images);
}
Tensor kl_elements(const Tensor& t, const Tensor& s, double T) {
  return kl(t.detach(), s, T) / s.size(1);
}
Tensor sum(const List& terms) { return at::sum(at::stack(terms)); }

struct Case {
  explicit Case(const std::string& name, double share = 0.5, int stage = 0,
                const std::string& net = "slimmable-mobilenet-v1-tiny",
                const std::vector<std::string>& options = {})
      : recipe(load_recipe(name, std::string(CONCERTINA_SOURCE_DIR) + "/schedules")),
        spec(make_net(net, {10, 3, 16, 16}, options)),
        widths(recipe.widths.empty() ? spec.widths : recipe.widths),
        ours(spec, widths, settings(), 1, at::kCPU),
        theirs(spec, widths, settings(), 1, at::kCPU) {
    ours.set_engine(Engine::plain);
    place = plan_step(recipe, widths, 1, 3, 10);
    place.now = {share * 10, share};
    place.stage = stage;
    source.images = images;
    source.labels = labels;
    source.normalization = {{0.5F, 0.4F, 0.6F}, {0.25F, 0.2F, 0.3F}};
    source.replays = &replays;
    source.other = [this](ViewKind) { return at::neg(images); };
    teachers = support::untrained_teachers(recipe.plan, spec);
    parts = AuxiliaryModules(recipe.plan, spec, place, teachers, at::kCPU);
  }

  NetSettings settings() const {
    return {recipe.norm == NormMode::switchable ? NormSharing::switchable : NormSharing::calibrated,
            0.1};
  }
  Tensor taught_by(const std::string& who) { return teachers.at(who)->answer(images, {}).logits; }
  Tensor part(const std::string& name) const {
    for (const Parameter& one : parts.parameters()) {
      if (one.name == name) return one.value;
    }
    throw std::runtime_error("no part " + name);
  }

  // The logits of the plain net, widest first, and the maps of a tap, or of several, A+B.
  List run(const std::string& tap = "") { return run_on({images, images, images, images}, tap); }
  // On other images for each width.
  List run_on(const List& seen, const std::string& tap = "") {
    List logits;
    maps.clear();
    for (const Subnet& subnet : largest_first(place.active, 1)) {
      std::vector<std::string> layers;
      for (const std::string& word : split(tap, '+')) {
        if (!word.empty()) layers.push_back(find_tap(spec, subnet, word));
      }
      theirs.set_engine(Engine::plain);
      const auto found =
          theirs.forward(seen[logits.size()], subnet, Pass::train, Exits::up_to, layers);
      logits.push_back(found[0]);
      maps.insert(maps.end(), found.begin() + 1, found.end());
    }
    return logits;
  }

  void expect_same_gradients(const Tensor& plain_loss) {
    const StepReport report = train_step(ours, recipe.plan, parts, {source, place});
    double loss = 0;
    for (const TermReport& term : report.terms) loss += term.loss;
    EXPECT_NEAR(loss, plain_loss.item<double>(), 1e-5 * std::abs(loss));
    List parts_gradients;
    double scale = 0;
    for (Parameter& one : parts_copy()) {
      parts_gradients.push_back(one.value.grad());
      if (!one.value.grad().defined()) continue;  // it acts in another stage
      scale = std::max(scale, at::abs(one.value.grad()).max().item<double>());
      one.value.mutable_grad() = Tensor();
    }
    torch::autograd::backward({plain_loss}, {});
    std::size_t k = 0;
    for (const Parameter& one : parts.parameters()) {
      const Tensor found = parts_gradients[k++];
      ASSERT_EQ(found.defined(), one.value.grad().defined()) << one.name;
      if (!found.defined()) continue;
      const Tensor difference = at::abs(at::sub(found, one.value.grad()));
      EXPECT_LE(difference.max().item<double>(), 1e-4 * scale) << one.name;
    }
    compare_nets();
  }

  // The same sums in another order, fp32: so much of the net's largest gradient.
  double tolerance = 1e-5;
  void compare_nets() const {
    double scale = 0;
    for (const Parameter& one : theirs.parameters()) {
      if (one.value.grad().defined()) {
        scale = std::max(scale, at::abs(one.value.grad()).max().item<double>());
      }
    }
    ASSERT_GT(scale, 0);
    const std::vector<Parameter> others = theirs.parameters();
    std::size_t k = 0;
    for (const Parameter& one : ours.parameters()) {
      const Tensor& expected = others[k++].value.grad();
      ASSERT_EQ(one.value.grad().defined(), expected.defined()) << one.name;
      if (!expected.defined()) continue;
      const Tensor difference = at::abs(at::sub(one.value.grad(), expected));
      EXPECT_LE(difference.max().item<double>(), tolerance * scale) << one.name;
    }
  }

  std::vector<Parameter> parts_copy() const { return parts.parameters(); }

  Recipe recipe;
  NetSpec spec;
  std::vector<Width> widths;
  FlexibleNet ours, theirs;
  PlanStep place;
  Teachers teachers;
  AuxiliaryModules parts;
  ImageSource source;
  Replays replays;
  Tensor images = at::clamp(random_images({8, 3, 16, 16}), -1.5, 1.2);  // about pixels
  Tensor labels = at::arange(8, at::kLong);
  List maps;
};

// z[0] is the full sub-model's logits, z[3] the smallest's.
TEST(Recipes, Joint) {
  Case one("joint");
  const List z = one.run();
  one.expect_same_gradients(sum(
      {ce(one.labels, z[0]), ce(one.labels, z[1]), ce(one.labels, z[2]), ce(one.labels, z[3])}));
}

TEST(Recipes, IpkdAndItsAssistants) {
  for (const std::string name : {"ipkd", "ipkd-ta", "ipkd-ta-dense", "ipkd-ta-top"}) {
    Case one(name);
    const List z = one.run();
    List terms{ce(one.labels, z[0])};
    for (std::size_t k = 1; k < 4; ++k) {
      const Tensor top = kl(z[0].detach(), z[k], 4), next = kl(z[k - 1].detach(), z[k], 4);
      terms.push_back(ce(one.labels, z[k]));
      if (name == "ipkd") terms.push_back(top);
      if (name == "ipkd-ta") terms.push_back(next);
      if (name == "ipkd-ta-top") terms.push_back(top / 2 + next / 2);
      for (std::size_t j = 0; j < k && name == "ipkd-ta-dense"; ++j) {
        terms.push_back(kl(z[j].detach(), z[k], 4) / static_cast<double>(k));
      }
    }
    one.expect_same_gradients(sum(terms));
  }
}

TEST(Recipes, Sandwich) {
  Case one("sandwich");
  const List z = one.run();
  one.expect_same_gradients(
      sum({ce(one.labels, z[0]), soft_ce(z[0], z[1]), soft_ce(z[0], z[2]), soft_ce(z[0], z[3])}));
}

TEST(Recipes, Hinton) {
  Case one("hinton");
  const Tensor t = one.taught_by("teacher");
  List terms;
  for (const Tensor& z : one.run()) {
    terms.push_back(ce(one.labels, z) * 0.1 + kl(t, z, 4) * 0.9);
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, OnceForAll) {
  Case one("ofa");
  const Tensor t = one.taught_by("teacher");
  List terms;
  for (const Tensor& z : one.run()) terms.push_back(ce(one.labels, z, 0.1) + soft_ce(t, z));
  one.expect_same_gradients(sum(terms));
}

// One teacher of each student that has several is left out; which, the step's terms say.
TEST(Recipes, Dgkd) {
  Case one("dgkd");
  const List z = one.run();
  List terms{ce(one.labels, z[0])};
  for (std::size_t k = 1; k < 4; ++k) terms.push_back(ce(one.labels, z[k]) * 0.5);
  const std::vector<Subnet> subnets = largest_first(one.place.active, 1);
  const auto place = [&](const TermEnd& end) {
    return std::find(subnets.begin(), subnets.end(), end.subnet) - subnets.begin();
  };
  int teachers = 0;
  for (const LossTerm& term : one.recipe.plan.loss_terms(one.place)) {
    if (term.from_label()) continue;
    const auto t = static_cast<std::size_t>(place(term.teacher));
    terms.push_back(kl_elements(z[t], z[static_cast<std::size_t>(place(term.student))], 5) * 0.5);
    ++teachers;
  }
  EXPECT_EQ(teachers, 1 + 1 + 2);
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, DeepMutualLearning) {
  Case one("dml");
  const List z = one.run();
  List terms;
  for (std::size_t s = 0; s < 4; ++s) {
    terms.push_back(ce(one.labels, z[s]));
    for (std::size_t t = 0; t < 4; ++t) {
      if (t != s) terms.push_back(kl(z[t].detach(), z[s], 1));
    }
  }
  one.expect_same_gradients(sum(terms));
}

const double kRamp = std::exp(-5 * std::pow(1 - 0.1 / 0.267, 2));  // at a tenth of the run

TEST(Recipes, One) {
  Case one("one", 0.1);
  const List z = one.run("depth:0.5");
  const Tensor linear =
      at::linear(at::mean(one.maps[0], {2, 3}), one.part("distill/ensemble/linear/weight"),
                 one.part("distill/ensemble/linear/bias"));
  const Tensor normed = (linear - at::mean(linear, {0}, true)) /
                        at::sqrt(at::var(linear, {0}, /*unbiased=*/false, /*keepdim=*/true) + 1e-5);
  const Tensor gate = at::softmax(at::relu(normed * one.part("distill/ensemble/norm/weight") +
                                           one.part("distill/ensemble/norm/bias")),
                                  1);
  Tensor mixed = at::zeros_like(z[0]);
  for (std::int64_t k = 0; k < 4; ++k) {
    mixed = mixed + gate.slice(1, k, k + 1) * z[static_cast<std::size_t>(k)];
  }
  List terms{ce(one.labels, mixed)};
  for (const Tensor& student : z) {
    terms.push_back(ce(one.labels, student) + kl(mixed.detach(), student, 3, 1e-7) * kRamp);
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, OkdDip) {
  Case one("okddip", 0.1);
  const List z = one.run("feature");
  const char* ids[] = {"w0.750", "w0.500", "w0.250"};
  List queries, keys, terms;
  for (std::size_t k = 0; k < 3; ++k) {
    const Tensor feature = one.maps[k + 1].flatten(1);
    const std::string name = std::string("distill/mixture/") + ids[k];
    queries.push_back(at::matmul(feature, one.part(name + "/query")));
    keys.push_back(at::matmul(feature, one.part(name + "/key")));
  }
  for (std::size_t a = 0; a < 3; ++a) {
    List scores;
    for (const Tensor& key : keys) scores.push_back(at::sum(queries[a] * key, {1}));
    const Tensor weights = at::softmax(at::stack(scores, 1), 1);
    Tensor target = at::zeros_like(z[0]);
    for (std::int64_t b = 0; b < 3; ++b) {
      target = target + weights.slice(1, b, b + 1) * z[static_cast<std::size_t>(b) + 1];
    }
    terms.push_back(kl(target, z[a + 1], 3, 1e-7) * kRamp);
  }
  terms.push_back(kl((z[1] + z[2] + z[3]) / 3, z[0], 3, 1e-7) * kRamp);
  for (const Tensor& student : z) terms.push_back(ce(one.labels, student));
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, DynamicTemperature) {
  Case one("dynamic-temperature", 0.25);
  const List z = one.run();
  List terms{ce(one.labels, z[0])};
  for (std::size_t k = 1; k < 4; ++k) {
    terms.push_back((ce(one.labels, z[k]) + kl(z[0].detach(), z[k], 8 - 7 * 0.25)) * 0.5);
  }
  one.expect_same_gradients(sum(terms));
}

// Half way, of a chain of three the second teaches, of a chain of two the farther one.
TEST(Recipes, GrowingAssistant) {
  Case one("growing-assistant", 0.5);
  const List z = one.run();
  const std::size_t teacher_of[] = {0, 0, 0, 1};
  List terms{ce(one.labels, z[0])};
  for (std::size_t k = 1; k < 4; ++k) {
    terms.push_back(ce(one.labels, z[k]) + kl(z[teacher_of[k]].detach(), z[k], 4));
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, DecoupledDistillation) {
  Case one("dkd");
  const List z = one.run();
  const Tensor hot = at::one_hot(one.labels, 10).to(at::kFloat);
  const auto target_and_rest = [&](const Tensor& logits) {
    const Tensor p = at::sum(at::softmax(logits / 4, 1) * hot, {1});
    return at::stack({p, 1 - p}, 1);
  };
  List terms{ce(one.labels, z[0])};
  for (std::size_t k = 1; k < 4; ++k) {
    const Tensor p = target_and_rest(z[0].detach()), q = target_and_rest(z[k]);
    const Tensor target = at::sum(p * (at::log(p) - at::log(q))) * (16.0 / 8);
    // Among the rest: the label's logit is pushed out of the softmax.
    const Tensor rest = kl(z[0].detach() - hot * 4000, z[k] - hot * 4000, 4, 1e-30);
    terms.push_back(ce(one.labels, z[k]) + target + rest);
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, EnsembleOfBranches) {
  Case one("ekd");
  const List z = one.run();
  List terms{ce(one.labels, (z[0] + z[1] + z[2] + z[3]) / 4)};
  for (const Tensor& branch : z) terms.push_back(ce(one.labels, branch) * 0.5);
  terms.push_back(kl(one.taught_by("first"), z[3], 4) * 0.5);
  terms.push_back(kl(one.taught_by("second"), z[2], 4) * 0.5);
  one.expect_same_gradients(sum(terms));
}

// In its second stage nobody but the assistant learns, in the third nobody but the smallest.
TEST(Recipes, TeacherAssistants) {
  for (const int stage : {1, 2}) {
    Case one("takd", 0.5, stage);
    const Tensor t = one.taught_by(stage == 1 ? "large-net" : "assistant-net");
    const Tensor z = one.run()[stage == 1 ? 2 : 3];
    one.expect_same_gradients(ce(one.labels, z) * 0.5 + kl_elements(t, z, 5) * 0.5);
  }
}

TEST(Recipes, InformationFlow) {
  Case auxiliary("information-flow", 0.5, 0);
  List terms, z = auxiliary.run("feature");
  const auto taught = auxiliary.teachers.at("teacher")->answer(auxiliary.images, {"feature"});
  for (const Tensor& logits : z) terms.push_back(ce(auxiliary.labels, logits));
  terms.push_back(pkt_loss(taught.taps.at("feature").flatten(1), auxiliary.maps[0].flatten(1)));
  auxiliary.expect_same_gradients(sum(terms));

  Case flow("information-flow", 0.5, 1);  // after five epochs: 100 * 0.7^5
  const std::vector<std::string> taps{"depth:0.25", "depth:0.5", "depth:0.75", "feature"};
  const auto from = flow.teachers.at("auxiliary-net")->answer(flow.images, taps);
  terms.clear();
  for (const Subnet& subnet : largest_first(flow.place.active, 1)) {
    std::vector<std::string> layers;
    for (const std::string& tap : taps) layers.push_back(find_tap(flow.spec, subnet, tap));
    flow.theirs.set_engine(Engine::plain);
    const List found = flow.theirs.forward(flow.images, subnet, Pass::train, Exits::up_to, layers);
    terms.push_back(ce(flow.labels, found[0]));
    for (std::size_t k = 0; k < 4 && !subnet.width.is_full(); ++k) {
      const Tensor loss =
          pkt_combined_loss(from.taps.at(taps[k]).flatten(1), found[k + 1].flatten(1));
      terms.push_back(loss * (k == 3 ? 1 : 100 * std::pow(0.7, 5)));
    }
  }
  flow.expect_same_gradients(sum(terms));
}

TEST(Recipes, CrossLayer) {
  Case layers("cross-layer", 0.5, 0);
  List terms;
  int edge = 0;
  for (const std::string far : {"depth:0.6", "depth:0.9"}) {
    ++edge;
    layers.run("depth:0.3");
    const List near_maps = layers.maps;
    layers.run(far);
    const auto from = layers.teachers.at("first")->answer(layers.images, {"depth:0.3", far});
    const char* ids[] = {"w1.000", "w0.750", "w0.500", "w0.250"};
    for (std::size_t k = 0; k < 4; ++k) {
      const std::string name = "distill/edge" + std::to_string(edge) + "." + ids[k] + ".first/";
      const Tensor a = at::conv2d(near_maps[k], layers.part(name + "conv/weight"));
      const Tensor b = at::conv2d(layers.maps[k], layers.part(name + "second.conv/weight"));
      const Tensor each = gram_terms(from.taps.at("depth:0.3"), from.taps.at(far), a, b);
      terms.push_back(at::mean(each) / static_cast<double>(a.size(1) * b.size(1)));
    }
  }
  layers.expect_same_gradients(sum(terms));

  Case logits("cross-layer", 0.5, 1);
  const Tensor p = (at::softmax(logits.taught_by("first") / 4, 1) +
                    at::softmax(logits.taught_by("second") / 4, 1)) /
                   2;
  terms.clear();
  for (const Tensor& z : logits.run()) {
    const Tensor q = at::log_softmax(z / 4, 1);
    terms.push_back(ce(logits.labels, z) + at::sum(p * (at::log(p) - q)) * (16.0 / 8));
  }
  logits.expect_same_gradients(sum(terms));
}

TEST(Recipes, AdversariallyRobustDistillation) {
  Case one("ard");
  one.tolerance = 1e-4;  // at T = 30 softmaxes are nearly equal, and their difference loses digits
  FlexibleNet attacked = one.theirs;
  ViewImages views(attacked, one.recipe.plan, one.source, one.place);
  List seen;
  for (const Subnet& subnet : largest_first(one.place.active, 1)) {
    seen.push_back(views.images(0, subnet.width));
    EXPECT_GT(at::abs(at::sub(seen.back(), one.images)).max().item<double>(), 0.05);
  }
  const Tensor t = one.taught_by("teacher");  // sees the clean images
  List terms;
  for (const Tensor& z : one.run_on(seen)) terms.push_back(kl_elements(t, z, 30));
  one.expect_same_gradients(sum(terms));
}

// The first replay sees the images themselves, the second ones moved by epsilon along the sign of
// the first one's gradient.
TEST(Recipes, FreeAdversarialDistillation) {
  Case one("fast-ard");
  const Tensor t = one.taught_by("teacher");
  const Tensor deviation = at::tensor({0.25F, 0.2F, 0.3F}).reshape({1, 3, 1, 1});
  const Tensor mean = at::tensor({0.5F, 0.4F, 0.6F}).reshape({1, 3, 1, 1});
  const Tensor images = one.images.clone().set_requires_grad(true);
  const Tensor z = one.theirs.forward(images, {Width(), 1}, Pass::train)[0];
  const Tensor gradient = torch::autograd::grad({kl_elements(t, z, 30)}, {images})[0];
  train_step(one.ours, one.recipe.plan, one.parts, {one.source, one.place});
  const Tensor moved = (at::sign(gradient) * (8.0 / 255)) / deviation;
  const Tensor expected =
      at::clamp((one.images + moved) * deviation + mean, 0, 1) - (one.images * deviation + mean);
  EXPECT_TRUE(close(one.replays.at({0, Width()}) * deviation, expected, 1e-4));
}

TEST(Recipes, Imta) {
  Case one("imta", 0.5, 1);
  const Tensor last = one.taught_by("last");
  const List z = one.run();
  List terms{ce(one.labels, z[0])};
  for (std::size_t k = 1; k < 4; ++k) {
    terms.push_back(ce(one.labels, z[k]) * 0.1 + kl_elements(last, z[k], 3) * 0.9);
  }
  one.expect_same_gradients(sum(terms));
}

// The teacher sees the other sensor's images; it is heard where it is right.
TEST(Recipes, SensorTransition) {
  Case one("sensor-transition", 0.5);
  const Tensor t = one.teachers.at("teacher")->answer(at::neg(one.images), {}).logits;
  one.labels[0] = at::argmax(t[0]);  // right at least there
  one.source.labels = one.labels;
  const Tensor right = at::eq(at::argmax(t, 1), one.labels).to(at::kFloat);
  const Tensor p = at::softmax(t / 4, 1);
  List terms;
  for (const Tensor& z : one.run()) {
    const Tensor q = at::log_softmax(z / 4, 1);
    const Tensor each = at::sum(p * (at::log(p) - q), {1}) * right;
    terms.push_back(ce(one.labels, z) * 0.55 + at::sum(each) * (0.45 * 16 / 8));
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, SwitchablePrecision) {
  Case one("switchable-precision");
  EXPECT_EQ(widths_text(one.widths), "1@2 1@4 1@8 1");
  List terms, z;
  for (const std::string tap : {"depth:0.3", "depth:0.6", "map"}) {
    z = one.run(tap);
    for (std::size_t k = 1; k < 4; ++k) {
      terms.push_back(at::mean(at::square(one.maps[k] - one.maps[0].detach())) * 0.01);
    }
  }
  terms.push_back(ce(one.labels, z[0]));
  for (std::size_t k = 1; k < 4; ++k) terms.push_back(kl(z[0].detach(), z[k], 4));
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, MapsOfOtherChannelsNeedAnAdapter) {
  const Recipe recipe =
      load_recipe("switchable-precision", std::string(CONCERTINA_SOURCE_DIR) + "/schedules");
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  const PlanStep place = plan_step(recipe, parse_widths("0.5@4 1"), 1);
  try {
    const AuxiliaryModules parts(recipe.plan, spec, place, {}, at::kCPU);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(
        error.what(),
        "edge \"full -> students : hint weight=0.01 reduction=elementmean gradient=stop "
        "tap=depth:0.3\": w0.500@4 has 8 channels at its tap; expected 16, as w1.000 has, or an "
        "adapter");
  }
}

TEST(Recipes, PartsOfOtherSizesSayWhatTheNetNeeds) {
  Recipe recipe = load_recipe("nonn", std::string(CONCERTINA_SOURCE_DIR) + "/schedules");
  const NetSpec spec =
      make_net("nonn-mobilenet-v1-tiny", {10, 3, 16, 16}, {"part-channels=60-64-64-64"});
  const Teachers teachers = support::untrained_teachers(recipe.plan, spec);
  try {
    const AuxiliaryModules parts(recipe.plan, spec, plan_step(recipe, spec.widths, 1), teachers,
                                 at::kCPU);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("has 252 channels at its tap; expected 256, as parts has "
                                   "(64-64-64-64: the net's option part-channels), or an adapter"));
  }
}

TEST(Recipes, SiameseTransfer) {
  Case one("siamese-transfer", 0.5, 1);
  one.labels = at::div(at::arange(8, at::kLong), 3, "floor");  // 0 0 | 0 1 | 1 1 | 2 2
  one.source.labels = one.labels;
  const List z = one.run("feature");
  List terms;
  for (std::size_t k = 0; k < 4; ++k) {
    terms.push_back(ce(one.labels, z[k]));
    const Tensor f = one.maps[k].flatten(1);
    for (const std::int64_t first : {0, 2, 4, 6}) {
      const Tensor far = at::norm(f[first] - f[first + 1]);
      const Tensor apart = at::relu(1 - far);
      terms.push_back((first == 2 ? apart * apart : far * far) / 4);
    }
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, RobustCompression) {
  Case one("robust-compression");
  FlexibleNet attacked = one.theirs;
  ViewImages views(attacked, one.recipe.plan, one.source, one.place);
  List seen, terms;
  for (const Subnet& subnet : largest_first(one.place.active, 1)) {
    seen.push_back(views.images(0, subnet.width));
  }
  const Tensor t = one.taught_by("teacher");
  for (const Tensor& z : one.run_on(seen)) {
    terms.push_back((ce(one.labels, z) + kl(t, z, 4)) * 0.5);
  }
  one.expect_same_gradients(sum(terms));
}

// mean((v / |v| - u / |u|)^2), u the teacher's filters of the node's parts.
Tensor towards_part(const Case& one, const std::string& node, const Tensor& map) {
  std::vector<int> channels;
  for (const PlanNode& each : one.recipe.plan.nodes) {
    if (each.name != node) continue;
    for (const auto& part : each.channels) {
      channels.insert(channels.end(), part.begin(), part.end());
    }
  }
  const Tensor whole = one.teachers.at("teacher")->answer(one.images, {"map"}).taps.at("map");
  const Tensor u = at::flatten(at::index_select(whole, 1, at::tensor(channels, at::kLong)), 1);
  const Tensor v = at::flatten(map, 1);
  return at::mean(at::square(v / at::norm(v, 2, {1}, true) - u / at::norm(u, 2, {1}, true)));
}

TEST(Recipes, Nonn) {
  Case one("nonn", 0.5, 0, "nonn-mobilenet-v1-tiny", {"part-channels=64-64-64-64"});
  const Tensor t = one.taught_by("teacher");
  const List z = one.run("parts");
  List terms;
  for (std::size_t k = 0; k < 2; ++k) {
    terms.push_back(ce(one.labels, z[k]) * 0.1 + kl_elements(t, z[k], 4) * 1.8);
    terms.push_back(towards_part(one, "parts", one.maps[k]) * 10000);
  }
  one.expect_same_gradients(sum(terms));
}

TEST(Recipes, RedundantNonn) {
  Case one("nonn-redundant", 0.5, 0, "nonn-mobilenet-v1-tiny");
  const Tensor t = one.taught_by("teacher");
  const List z = one.run("device1.head+device2.head+device3.head+device4.head");
  List terms;
  for (std::size_t k = 0; k < 2; ++k) {
    terms.push_back(ce(one.labels, z[k]) * 0.1 + kl_elements(t, z[k], 4) * 1.8);
    for (std::size_t device = 0; device < 4; ++device) {
      const std::string part = device % 2 == 0 ? "part-1" : "part-2";
      terms.push_back(towards_part(one, part, one.maps[4 * k + device]) * 10000);
    }
  }
  one.expect_same_gradients(sum(terms));
}

}  // namespace
}  // namespace concertina
