#include "concertina/eval/calibrate.h"

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"
#include "support/tiny_dataset.h"

namespace concertina {
namespace {

struct Fixture {
  Dataset data = support::tiny_dataset({4, 3, 16, 16, 64, 16});
  PixelStatistics statistics = pixel_statistics(data.train);
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {4, 3, 16, 16});
  FlexibleNet net{spec, spec.widths, {NormSharing::calibrated, 0.1}, 1, at::kCPU};

  at::Tensor mean_after(const CalibrationSetting& setting, const char* width) {
    calibrate(net, Width::parse(width), data.train, statistics, setting);
    return net.norms(Width::parse(width))[2].value.clone();
  }
};

TEST(Calibrate, GivesAnUnlistedWidthStatistics) {
  Fixture fixture;
  EXPECT_FALSE(fixture.net.is_calibrated(Width::parse("0.6")));
  const at::Tensor mean = fixture.mean_after({32, 16, 1}, "0.6");
  EXPECT_TRUE(fixture.net.is_calibrated(Width::parse("0.6")));
  EXPECT_GT(at::abs(mean).max().item<float>(), 0);
}

TEST(Calibrate, DependsOnTheSeedAndNothingElse) {
  Fixture a, b, c;
  EXPECT_TRUE(same_bytes(a.mean_after({32, 16, 1}, "0.5"), b.mean_after({32, 16, 1}, "0.5")));
  EXPECT_TRUE(same_bytes(a.mean_after({32, 16, 1}, "0.5"), b.mean_after({32, 16, 1}, "0.5")));
  EXPECT_FALSE(same_bytes(a.mean_after({32, 16, 1}, "0.5"), c.mean_after({32, 16, 2}, "0.5")));
}

TEST(Calibrate, EveryImageCountsTheSame) {
  Fixture whole, cut;
  EXPECT_TRUE(same_bytes(whole.mean_after({48, 16, 1}, "0.5"), cut.mean_after({63, 16, 1}, "0.5")));
  EXPECT_GT(at::abs(cut.mean_after({5, 16, 1}, "0.5")).max().item<float>(), 0);
}

TEST(Calibrate, RefusesTooFewImages) {
  Fixture fixture;
  EXPECT_THROW(fixture.mean_after({0, 16, 1}, "0.5"), UsageError);
  EXPECT_THROW(fixture.mean_after({1, 16, 1}, "0.5"), UsageError);
  EXPECT_THROW(fixture.mean_after({16, 1, 1}, "0.5"), UsageError);
  EXPECT_THROW(calibrate(fixture.net, Width(), {}, fixture.statistics, {}), UsageError);
}

}  // namespace
}  // namespace concertina
