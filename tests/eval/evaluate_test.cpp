#include "concertina/eval/evaluate.h"

#include <limits>

#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/eval/calibrate.h"
#include "concertina/eval/exit_scores.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"
#include "support/tiny_dataset.h"

namespace concertina {
namespace {

struct Fixture {
  Dataset data = support::tiny_dataset({4, 3, 16, 16, 64, 50});
  PixelStatistics statistics = pixel_statistics(data.train);
  NetSpec spec = make_net("msdnet-tiny", {4, 3, 16, 16});
  FlexibleNet net{spec, spec.widths, {}, 1, at::kCPU};

  Fixture() {
    for (const Width width : spec.widths)
      calibrate(net, width, data.train, statistics, {64, 16, 1});
  }
  EvalLoader loader(std::int64_t batch) const {
    return EvalLoader(data.test, statistics, batch, at::kCPU);
  }
};

TEST(Evaluate, CountsEveryImageOnce) {
  Fixture fixture;
  const auto scores = evaluate(fixture.net, fixture.loader(16), fixture.spec.widths);
  ASSERT_EQ(scores.size(), 6u);
  EXPECT_EQ(scores[4].subnet, (Subnet{Width(), 2}));
  for (const Score& score : scores) EXPECT_EQ(score.images, 50);
}

TEST(Evaluate, EqualsTheLogitsOfThatSubModel) {
  Fixture fixture;
  const auto scores = evaluate(fixture.net, fixture.loader(50), fixture.spec.widths);
  const at::NoGradGuard guard;
  const Batch all = fixture.loader(50).get(0);
  for (const Score& score : scores) {
    const at::Tensor logits =
        fixture.net.forward(all.images, score.subnet, Pass::evaluate, Exits::only)[0];
    const at::Tensor hits = at::eq(at::argmax(logits, 1), all.labels);
    EXPECT_DOUBLE_EQ(score.accuracy, at::sum(hits).item<double>() / 50);
    const double loss = at::nll_loss(at::log_softmax(logits, 1), all.labels).item<double>();
    EXPECT_NEAR(score.loss, loss, 1e-5);  // fp32 sums in another order
  }
}

TEST(Evaluate, ProgressIsToldAndCanStopIt) {
  Fixture fixture;
  std::int64_t told = 0;
  const auto scores = evaluate(fixture.net, fixture.loader(10), fixture.spec.widths,
                               [&](std::int64_t done, std::int64_t all) {
                                 EXPECT_EQ(all, 10);
                                 told = done;
                                 return done < 7;
                               });
  EXPECT_EQ(told, 7);
  EXPECT_EQ(scores.size(), 3u);  // the first width was finished
}

TEST(Evaluate, ALossThatIsNotFiniteIsRefused) {
  Fixture fixture;
  const at::NoGradGuard guard;
  for (Parameter one : fixture.net.weights()) {
    if (one.name == "exit2.classifier/bias") {
      one.value.fill_(std::numeric_limits<float>::quiet_NaN());
    }
  }
  EXPECT_THROW(evaluate(fixture.net, fixture.loader(50), {Width()}), DivergedError);
}

TEST(Evaluate, ASplitWithoutImagesIsRefused) {
  Fixture fixture;
  const Split none{fixture.data.test.images.narrow(0, 0, 0),
                   fixture.data.test.labels.narrow(0, 0, 0)};
  const EvalLoader loader(none, fixture.statistics, 16, at::kCPU);
  try {
    evaluate(fixture.net, loader, {Width()});
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "split to evaluate: 0 images; expected at least 1");
  }
  EXPECT_THROW(exit_scores(fixture.net, loader, Width()), DataError);
  EXPECT_THROW(calibrate(fixture.net, Width(), none, fixture.statistics, {}), UsageError);
}

TEST(Evaluate, AnUncalibratedWidthIsRefused) {
  Fixture fixture;
  fixture.net.reset_statistics(Width());
  EXPECT_THROW(evaluate(fixture.net, fixture.loader(50), {Width()}), UsageError);
}

}  // namespace
}  // namespace concertina
