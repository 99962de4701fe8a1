#include "concertina/distill/view_images.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"

namespace concertina {
namespace {

struct Fixture {
  explicit Fixture(const std::string& view)
      : spec(make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16})),
        net(spec, spec.widths, {}, 1, at::kCPU) {
    plan.views.push_back(parse_view("other : " + view));
    source.images = (pixels - 0.5) / 0.25;
    source.labels = at::arange(8, at::kLong);
    source.normalization = {{0.5F, 0.5F, 0.5F}, {0.25F, 0.25F, 0.25F}};
    source.other = [](ViewKind kind) {
      return at::full({8, 3, 16, 16}, kind == ViewKind::plain ? 1.0 : 2.0);
    };
    place.active = spec.widths;
  }
  at::Tensor seen(int view = 0) {
    ViewImages views(net, plan, source, place);
    return views.images(view, Width()) * 0.25 + 0.5;  // pixels
  }

  NetSpec spec;
  FlexibleNet net;
  DistillPlan plan;
  ImageSource source;
  PlanStep place;
  at::Tensor pixels = at::rand({8, 3, 16, 16});
};

TEST(ViewImages, TheLoaderGivesPlainAndAugmentedImages) {
  EXPECT_EQ(Fixture("plain").seen()[0][0][0][0].item<float>(), 0.75F);
  EXPECT_EQ(Fixture("augmented").seen()[0][0][0][0].item<float>(), 1.0F);
  Fixture one("plain");
  EXPECT_TRUE(close(one.seen(-1), one.pixels, 1e-6));
}

TEST(ViewImages, GrayIsTheMeanOfTheChannels) {
  Fixture one("gray");
  const at::Tensor expected = at::mean(one.pixels, {1}, true).expand({8, 3, 16, 16});
  EXPECT_TRUE(close(one.seen(), expected, 1e-6));
}

TEST(ViewImages, NoiseIsTheSensorsAndOfTheStep) {
  Fixture one("gray noise=0.1");
  const at::Tensor first = one.seen();
  EXPECT_TRUE(close(first.slice(1, 0, 1), first.slice(1, 2, 3), 1e-6));
  EXPECT_TRUE(same_bytes(first, one.seen()));
  const at::Tensor noise = first.slice(1, 0, 1) - at::mean(one.pixels, {1}, true);
  EXPECT_NEAR(at::std(noise).item<double>(), 0.1, 0.01);
  one.place.step = 1;
  EXPECT_FALSE(same_bytes(first, one.seen()));
}

// What an attack does to the norms is what its `norm` says, and it touches no gradient.
TEST(ViewImages, AnAttackKeepsToItsNorm) {
  for (const std::string norm : {"batch", "update"}) {
    Fixture one("attack epsilon=0.1 step=0.05 steps=2 norm=" + norm);
    const at::Tensor before = one.net.norms(Width())[2].value.clone();  // a running mean
    const at::Tensor seen = one.seen();
    EXPECT_LE(at::abs(seen - one.pixels).max().item<double>(), 0.1 + 1e-6);
    EXPECT_EQ(same_bytes(before, one.net.norms(Width())[2].value), norm == "batch") << norm;
    for (const Parameter& parameter : one.net.parameters()) {
      EXPECT_FALSE(parameter.value.grad().defined()) << parameter.name;
    }
  }
}

// Before the first step no width has running statistics; one that is drawn never has.
TEST(ViewImages, AnAttackWithoutStatisticsTakesTheBatchs) {
  const auto seen = [](const std::string& norm, Width width) {
    Fixture one("attack epsilon=0.1 step=0.05 steps=2 norm=" + norm);
    one.pixels = at::full({8, 3, 16, 16}, 0.5);
    one.source.images = (one.pixels - 0.5) / 0.25;
    one.net = FlexibleNet(one.spec, one.spec.widths, {NormSharing::shared, 0.1}, 1, at::kCPU);
    ViewImages views(one.net, one.plan, one.source, one.place);
    return views.images(0, width).clone();
  };
  EXPECT_TRUE(same_bytes(seen("running", Width()), seen("batch", Width())));
  const Width drawn = Width::parse("0.613");
  EXPECT_TRUE(same_bytes(seen("running", drawn), seen("batch", drawn)));
}

TEST(ViewImages, EachWidthIsAttackedByItself) {
  Fixture one("attack steps=1 random-start=0 norm=batch");
  ViewImages views(one.net, one.plan, one.source, one.place);
  const at::Tensor wide = views.images(0, Width());
  EXPECT_FALSE(same_bytes(wide, views.images(0, Width::parse("0.25"))));
  EXPECT_TRUE(same_bytes(wide, views.images(0, Width())));
}

TEST(ViewImages, RefusesAReplayWithoutAPlaceToKeepIt) {
  EXPECT_THROW(Fixture("replay").seen(), ProgrammingError);
}

}  // namespace
}  // namespace concertina
