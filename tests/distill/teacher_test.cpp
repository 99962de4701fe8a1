#include "concertina/distill/teacher.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/distill/auxiliary_modules.h"
#include "concertina/nets/catalog.h"

namespace concertina {
namespace {

using testing::HasSubstr;

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

FlexibleNet net_of(const NetInput& input) {
  return FlexibleNet(make_net("slimmable-mobilenet-v1-tiny", input), {Width()}, {}, 1, at::kCPU);
}

TEST(Teacher, OfOtherImagesIsRefused) {
  const Normalization color{{0.5F, 0.5F, 0.5F}, {0.2F, 0.2F, 0.2F}}, gray{{0.5F}, {0.2F}};
  const NetInput small{10, 3, 16, 16};
  EXPECT_THAT(refusal([&] {
                net_teacher(net_of({10, 1, 16, 16}), {}, gray, color);
              }),
              HasSubstr("images of 1 channels; expected one of 3"));
  DistillPlan plan;
  plan.nodes = {parse_node("big : external")};
  PlanStep step;
  step.active = {Width()};
  const auto parts_with = [&](const NetInput& input) {
    const Teachers teachers{{"big", net_teacher(net_of(input), {}, color, color)}};
    return refusal([&] {
      AuxiliaryModules(plan, make_net("slimmable-mobilenet-v1-tiny", small), step, teachers,
                       at::kCPU);
    });
  };
  EXPECT_EQ(parts_with(small), "accepted");
  EXPECT_EQ(parts_with({10, 3, 32, 32}),
            "teacher \"big\" looks at images of 3x32x32; expected 3x16x16");
  EXPECT_THAT(parts_with({7, 3, 16, 16}), HasSubstr("knows 7 classes; expected 10"));
}

}  // namespace
}  // namespace concertina
