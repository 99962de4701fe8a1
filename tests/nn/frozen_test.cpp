#include <atomic>
#include <thread>

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"
#include "concertina/nn/frozen_net.h"

#include "support/tensors.h"

namespace concertina {
namespace {

at::Tensor images_for(const NetSpec& spec, std::int64_t batch = 5) {
  return random_images({batch, spec.in_channels, spec.in_height, spec.in_width});
}

FlexibleNet trained(const std::string& name, Engine engine = Engine::automatic) {
  const NetSpec spec = make_net(name, {10, 3, 16, 16});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  net.set_engine(engine);
  const at::NoGradGuard guard;
  for (const Width width : spec.widths) {
    net.forward(images_for(spec, 8), {width, spec.exit_count()}, Pass::train);
  }
  return net;
}

std::vector<at::Tensor> evaluated(FlexibleNet& net, const at::Tensor& images, const Subnet& subnet,
                                  Exits exits = Exits::up_to) {
  const at::NoGradGuard guard;
  return net.forward(images, subnet, Pass::evaluate, exits);
}

TEST(FrozenNet, AnswersAsTheNetDoes) {
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const Engine engine : {Engine::plain, Engine::fused}) {
      FlexibleNet net = trained(name, engine);
      const at::Tensor images = images_for(net.spec());
      for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
        for (const Exits exits : {Exits::up_to, Exits::only}) {
          const FrozenNet frozen(net, subnet, exits, make_execution_contexts(2));
          const auto expected = evaluated(net, images, subnet, exits);
          const auto found = frozen.forward(images);
          ASSERT_EQ(found.size(), expected.size());
          ASSERT_EQ(frozen.exit_count(), static_cast<int>(expected.size()));
          for (std::size_t k = 0; k < expected.size(); ++k) {
            EXPECT_TRUE(same_bytes(found[k], expected[k])) << subnet_id(net.spec(), subnet);
          }
        }
      }
    }
  }
}

TEST(FrozenNet, WhatBecomesOfTheNetLaterMakesNoDifference) {
  FlexibleNet net = trained("slimmable-mobilenet-v1-tiny");
  const at::Tensor images = images_for(net.spec());
  const FrozenNet frozen(net, {}, Exits::only, make_execution_contexts(1));
  const at::Tensor before = frozen.forward(images)[0];
  for (const Parameter& one : net.parameters()) at::Tensor(one.value.detach()).zero_();
  EXPECT_TRUE(same_bytes(frozen.forward(images)[0], before));
}

TEST(FrozenNet, SeveralThreadsMayAskAtOnce) {
  FlexibleNet net = trained("msdnet-tiny");
  const auto contexts = make_execution_contexts(2);
  std::vector<FrozenNet> frozen;
  std::vector<at::Tensor> images, expected;
  for (const Width width : net.widths()) {
    for (const std::int64_t batch : {1, 3}) {
      frozen.emplace_back(net, Subnet{width, 3}, Exits::only, contexts);
      images.push_back(images_for(net.spec(), batch));
      expected.push_back(frozen.back().forward(images.back())[0]);
    }
  }
  std::atomic<int> wrong{0};
  std::vector<std::thread> askers;
  for (std::size_t asker = 0; asker < 4; ++asker) {
    askers.emplace_back([&, asker] {
      for (std::size_t k = asker; k < asker + 40; ++k) {
        const std::size_t which = k % frozen.size();
        if (!same_bytes(frozen[which].forward(images[which])[0], expected[which])) ++wrong;
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  EXPECT_EQ(wrong, 0);
}

// Image k leaves at exit k % 3.
TEST(FrozenNet, EachImageIsComputedUpToItsExitOnly) {
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    FlexibleNet net = trained("msdnet-tiny", engine);
    const at::Tensor images = images_for(net.spec(), 6);
    const FrozenNet frozen(net, {Width(), 3}, Exits::up_to, make_execution_contexts(2));
    const auto all = evaluated(net, images, {Width(), 3});
    std::atomic<int> asked{0};
    const auto done = [&](int exit, const at::Tensor& logits) {
      ++asked;
      for (int image = exit; image < 6; image += 3) {
        if (at::allclose(logits[0], all[static_cast<std::size_t>(exit)][image], 1e-4, 1e-5)) {
          return true;
        }
      }
      return false;
    };
    const FrozenNet::EarlyOutputs answers = frozen.forward_until(images, done);
    EXPECT_EQ(answers.exits, (std::vector<int>{0, 1, 2, 0, 1, 2}));
    EXPECT_EQ(asked, 1 + 2 + 2 + 1 + 2 + 2);  // the last exit is not asked
    for (int image = 0; image < 6; ++image) {
      EXPECT_TRUE(
          close(answers.logits[image], all[static_cast<std::size_t>(image % 3)][image], 1e-5));
    }
  }
}

TEST(FrozenNet, RefusesWhatTheNetWould) {
  FlexibleNet net = trained("msdnet-tiny");
  const FrozenNet frozen(net, {Width(), 1}, Exits::only, make_execution_contexts(1));
  EXPECT_THROW(frozen.forward(at::zeros({1, 3, 8, 8})), UsageError);
  EXPECT_THROW(frozen.forward_until(at::zeros({0, 3, 16, 16}), {}), UsageError);
  EXPECT_THROW(FrozenNet(net, {Width::parse("0.3"), 1}, Exits::only, make_execution_contexts(1)),
               UsageError);
}

}  // namespace
}  // namespace concertina
