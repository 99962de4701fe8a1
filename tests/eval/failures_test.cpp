#include "concertina/eval/failures.h"

#include <cmath>
#include <memory>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/eval/calibrate.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"
#include "support/tiny_dataset.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Devices of the parts 0, 1, 0, 1 that send `channels` each.
const std::vector<Device> kFour{{"a", 0}, {"b", 1}, {"c", 0}, {"d", 1}};

std::vector<at::Tensor> four_features() {
  std::vector<at::Tensor> sent;
  at::manual_seed(1);
  for (int i = 0; i < 4; ++i) sent.push_back(at::randn({2, 1 + i % 2}, at::kDouble));
  return sent;
}

// Jeong et al., figure 6: two parts, four devices; the first part is of devices 0 and 2.
TEST(Failures, PartsAreAveragedAndJoined) {
  const auto sent = four_features();
  const at::Tensor expected = at::cat({(sent[0] + sent[2]) / 2, (sent[1] + sent[3]) / 2}, 1);
  EXPECT_TRUE(close(average_parts(sent, kFour, 2, {true, true, true, true}), expected, 1e-15));
}

TEST(Failures, SurvivorsOfAPartAreAveraged) {
  auto sent = four_features();
  sent[1].fill_(std::nan(""));  // never came
  sent[3].fill_(std::nan(""));
  const at::Tensor nothing = at::zeros({2, 2}, at::kDouble);
  EXPECT_TRUE(same_bytes(average_parts(sent, kFour, 2, {false, false, true, false}),
                         at::cat({sent[2], nothing}, 1)));
  EXPECT_TRUE(close(average_parts(sent, kFour, 2, {true, false, true, false}),
                    at::cat({(sent[0] + sent[2]) / 2, nothing}, 1), 1e-15));
}

struct Fixture {
  explicit Fixture(const std::string& devices = "4") {
    spec = make_net("nonn-mobilenet-v1-tiny", {4, 3, 16, 16},
                    {"devices=" + devices, "part-channels=12-20", "widths=1"});
    net = std::make_unique<FlexibleNet>(spec, spec.widths, NetSettings{}, 1, at::kCPU);
    calibrate(*net, Width(), data.train, statistics, {64, 16, 1});
  }
  EvalLoader loader() const { return EvalLoader(data.test, statistics, 16, at::kCPU); }

  Dataset data = support::tiny_dataset({4, 3, 16, 16, 64, 50});
  PixelStatistics statistics = pixel_statistics(data.train);
  NetSpec spec;
  std::unique_ptr<FlexibleNet> net;
};

TEST(Failures, LeaveTheAnswerToTheOthers) {
  Fixture fixture;
  const auto scores = evaluate_failures(*fixture.net, fixture.loader(), 1);
  ASSERT_EQ(scores.size(), 4U);
  EXPECT_THAT(scores[2].failed, ElementsAre(2));
  const at::NoGradGuard guard;
  const Batch all = EvalLoader(fixture.data.test, fixture.statistics, 50, at::kCPU).get(0);
  const auto answers = fixture.net->forward(
      all.images, {Width(), 1}, Pass::evaluate, Exits::only,
      {"device1.head.activation", "device2.head.activation", "device4.head.activation"});
  const auto pooled = [&](std::size_t k) { return at::mean(answers[k], {2, 3}); };
  const at::Tensor read = at::cat({pooled(1), (pooled(2) + pooled(3)) / 2}, 1);
  at::Tensor logits;
  for (const Parameter& one : fixture.net->weights()) {
    if (one.name == "classifier/weight") logits = at::matmul(read, at::t(one.value));
  }
  for (const Parameter& one : fixture.net->weights()) {
    if (one.name == "classifier/bias") logits = logits + one.value;
  }
  const at::Tensor hits = at::eq(at::argmax(logits, 1), all.labels);
  EXPECT_DOUBLE_EQ(scores[2].accuracy, at::sum(hits).item<double>() / 50);
}

TEST(Failures, EverySetIsMeasuredOnce) {
  Fixture fixture("5");
  const auto scores = evaluate_failures(*fixture.net, fixture.loader(), 3);
  ASSERT_EQ(scores.size(), 10U);
  EXPECT_THAT(scores[0].failed, ElementsAre(0, 1, 2));
  EXPECT_THAT(scores[4].failed, ElementsAre(0, 2, 4));
  EXPECT_THAT(scores[9].failed, ElementsAre(2, 3, 4));
  int calls = 0;
  const auto stop = [&](std::int64_t, std::int64_t) { return ++calls < 2; };
  EXPECT_TRUE(evaluate_failures(*fixture.net, fixture.loader(), 3, stop).empty());
  EXPECT_EQ(calls, 2);
}

std::string refusal(const NetSpec& net, int count) {
  try {
    check_failures(net, count);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Failures, WhatCannotBeAskedIsRefused) {
  const NetSpec four = make_net("nonn-mobilenet-v1-tiny", {});
  EXPECT_EQ(refusal(four, 3), "accepted");
  EXPECT_THAT(refusal(four, 4), HasSubstr("4 failed of the 4 devices"));
  EXPECT_THAT(refusal(four, 4), HasSubstr("expected 1 to 3"));
  const NetSpec many = make_net("nonn-mobilenet-v1-tiny", {}, {"devices=40"});
  EXPECT_THAT(refusal(many, 20), HasSubstr("more than 100000 sets; expected fewer failures"));
  EXPECT_THAT(refusal(make_net("slimmable-mobilenet-v1-tiny", {}), 1),
              HasSubstr("does not run on several devices; expected one such as nonn-mobilenet-v1"));
}

TEST(Devices, AreFoundInTheNet) {
  const DeviceNet found =
      devices_of(make_net("nonn-mobilenet-v1-tiny", {}, {"devices=5", "part-channels=8-8-8"}));
  EXPECT_EQ(found.parts, 3);
  EXPECT_EQ(found.classifier, "classifier");
  ASSERT_EQ(found.devices.size(), 5U);
  EXPECT_EQ(found.devices[4].sends, "device5.head.activation");
  for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(found.devices[k].part, static_cast<int>(k % 3));
  EXPECT_EQ(devices_of(make_net("nonn-mobilenet-v1-tiny", {}, {"part-channels=8"})).parts, 1);
}

}  // namespace
}  // namespace concertina
