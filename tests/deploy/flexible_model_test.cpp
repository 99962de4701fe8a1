#include "concertina/deploy/flexible_model.h"

#include <atomic>
#include <cmath>
#include <thread>

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/deploy/export.h"

#include "support/temp_folder.h"

#include "example.h"

namespace concertina::deploy {
namespace {

using testing::HasSubstr;

Measurement measured(const NetSpec& net, const Subnet& subnet, double accuracy) {
  Measurement row;
  row.id = subnet_id(net, subnet);
  row.subnet = subnet;
  row.cost = subnet_cost(net, subnet).anytime;
  row.accuracy = accuracy;
  return row;
}

// Accuracy rises with the size; two policies: all leave at exit 1, or nobody before the last.
ModelState example_state(FlexibleNet& net) {
  std::vector<Measurement> rows;
  for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
    rows.push_back(measured(net.spec(), subnet, 0.5 + 0.01 * static_cast<double>(rows.size())));
  }
  ModelState state = model_of(net, example_card(), rows);
  const auto exits = static_cast<std::size_t>(net.spec().exit_count());
  if (exits == 1) return state;
  ExitPolicy at_once{std::vector<float>(exits, 0), 1e5, 0.5, std::vector<double>(exits, 0)};
  ExitPolicy never{std::vector<float>(exits, 2), 1e6, 0.6, std::vector<double>(exits, 0)};
  never.thresholds.back() = 0;
  state.early_exits = {{Width(), 100, {at_once, never}}};
  return state;
}

FlexibleModel through_a_file(const ModelState& state, int threads = 1) {
  const support::TempFolder folder;
  write_model(folder / "model.h5", state);
  return FlexibleModel::load(folder / "model.h5", threads);
}

TEST(FlexibleModel, RunsEverySubModelByValue) {
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    FlexibleNet net = example_net(name);
    const FlexibleModel model = through_a_file(example_state(net));
    const at::Tensor images = images_for(net.spec());
    ASSERT_EQ(model.submodels().size(), all_subnets(net.spec(), net.widths()).size());
    for (const Measurement& one : model.submodels()) {
      EXPECT_TRUE(same_bytes(model.forward(images, one.subnet), logits_of(net, images, one.subnet)))
          << one.id;
    }
  }
}

TEST(FlexibleModel, RunsMultiSegmentActivationsByEachWidthsStatistics) {
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const auto sharing :
         {NormSharing::switchable, NormSharing::shared, NormSharing::calibrated}) {
      FlexibleNet net = example_net(make_net(name, {10, 3, 16, 16}, {"activation=lma"}), sharing);
      const FlexibleModel model = through_a_file(example_state(net), 2);
      const at::Tensor images = images_for(net.spec());
      for (const Measurement& one : model.submodels()) {
        EXPECT_TRUE(
            same_bytes(model.forward(images, one.subnet), logits_of(net, images, one.subnet)))
            << one.id;
      }
    }
  }
}

TEST(FlexibleModel, SaysWhatItIs) {
  FlexibleNet net = example_net("msdnet-tiny");
  const FlexibleModel model = through_a_file(example_state(net));
  EXPECT_EQ(model.net().name, "msdnet-tiny");
  EXPECT_EQ(model.classes()[3], "class 3");
  EXPECT_EQ(model.origin("epoch"), "7");
  EXPECT_EQ(model.origin("none"), "");
  EXPECT_EQ(model.submodel("w0.500-e2").subnet.exit, 2);
  try {
    model.submodel("w0.500-e9");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean"));
  }
}

TEST(FlexibleModel, PicksByBudget) {
  FlexibleNet net = example_net("slimmable-mobilenet-v1-tiny");
  const FlexibleModel model = through_a_file(example_state(net));
  Budget budget;
  EXPECT_EQ(model.pick(budget).id, "w1.000");
  budget.max_macs = static_cast<double>(model.submodel("w0.500").cost.macs);
  EXPECT_EQ(model.pick(budget).id, "w0.500");
  budget.max_macs = 1;
  EXPECT_THROW(model.pick(budget), NoChoiceError);
}

TEST(FlexibleModel, NormalizesPixels) {
  FlexibleNet net = example_net("slimmable-mobilenet-v1-tiny");
  const FlexibleModel model = through_a_file(example_state(net));
  at::Tensor pixels = at::zeros({2, 3, 16, 16}, at::kByte);
  pixels[0][1].fill_(51);
  const at::Tensor images = model.normalize(pixels);
  EXPECT_FLOAT_EQ(images[0][1][4][4].item<float>(), (0.2F - 0.25F) / 0.3F);
  EXPECT_FLOAT_EQ(images[1][2][0][0].item<float>(), -0.1F / 0.4F);
  EXPECT_THROW(model.normalize(at::zeros({2, 3, 16, 16})), UsageError);
  EXPECT_THROW(model.normalize(at::zeros({2, 1, 16, 16}, at::kByte)), UsageError);
}

TEST(FlexibleModel, LeavesEarlyWhereItIsSure) {
  FlexibleNet net = example_net("msdnet-tiny");
  const FlexibleModel model = through_a_file(example_state(net), 2);
  const at::Tensor images = images_for(net.spec(), 5);
  const auto at_once = model.forward_early(images, model.pick_exits(2e5));
  EXPECT_EQ(at_once.counts(), (std::vector<std::int64_t>{5, 0, 0}));
  EXPECT_TRUE(close(at_once.logits, logits_of(net, images, {Width(), 1}), 1e-5));
  const auto never = model.forward_early(images, model.pick_exits(2e6));
  EXPECT_EQ(never.exits, std::vector<int>(5, 3));
  EXPECT_TRUE(close(never.logits, logits_of(net, images, {Width(), 3}), 1e-5));
  EXPECT_TRUE(model.exit_policies(Width::parse("0.5")).empty());
  EXPECT_THROW(model.pick_exits(1), NoChoiceError);
  ExitPolicy wrong;
  EXPECT_THROW(model.forward_early(images, wrong), UsageError);
}

// The threshold lies between the images' confidences at exit 1.
TEST(FlexibleModel, TheThresholdDecidesForEachImage) {
  FlexibleNet net = example_net("msdnet-tiny");
  const FlexibleModel model = through_a_file(example_state(net));
  const at::Tensor images = images_for(net.spec(), 6);
  const at::Tensor confidence =
      std::get<0>(at::max(at::softmax(logits_of(net, images, {Width(), 1}), 1), 1));
  ExitPolicy policy = model.exit_policies().back();
  policy.thresholds[0] = at::median(confidence).item<float>() + 1e-5F;
  const auto answers = model.forward_early(images, policy);
  for (int image = 0; image < 6; ++image) {
    const bool sure = confidence[image].item<float>() >= policy.thresholds[0];
    EXPECT_EQ(answers.exits[static_cast<std::size_t>(image)], sure ? 1 : 3);
  }
}

TEST(FlexibleModel, SeveralThreadsMayAskForAnything) {
  FlexibleNet net = example_net("msdnet-tiny");
  const FlexibleModel model = through_a_file(example_state(net), 2);
  const at::Tensor images = images_for(net.spec(), 2);
  std::vector<at::Tensor> expected;
  for (const Measurement& one : model.submodels()) {
    expected.push_back(logits_of(net, images, one.subnet));
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> askers;
  for (std::size_t asker = 0; asker < 4; ++asker) {
    askers.emplace_back([&, asker] {
      for (std::size_t k = asker; k < asker + 24; ++k) {
        const std::size_t which = k % expected.size();
        const at::Tensor logits = model.forward(images, model.submodels()[which].subnet);
        if (!same_bytes(logits, expected[which])) ++wrong;
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(wrong, 0);
}

TEST(FlexibleModel, RefusesWhatItDoesNotHave) {
  FlexibleNet net = example_net("slimmable-mobilenet-v1-tiny");
  const FlexibleModel model = through_a_file(example_state(net));
  EXPECT_THROW(model.forward(images_for(net.spec()), {Width::parse("0.3"), 1}), UsageError);
  EXPECT_THROW(model.forward(at::zeros({1, 3, 8, 8}), {}), UsageError);
  ModelState state = example_state(net);
  state.weights.pop_back();
  EXPECT_THROW(through_a_file(state), DataError);
}

}  // namespace
}  // namespace concertina::deploy
