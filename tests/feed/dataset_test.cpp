#include "concertina/feed/dataset.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "support/tiny_dataset.h"

namespace concertina {
namespace {

using support::tiny_dataset;
using ::testing::HasSubstr;

std::vector<std::int64_t> class_counts(const Split& split, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (std::int64_t i = 0; i < split.size(); ++i)
    ++counts[static_cast<std::size_t>(split.labels[i].item<std::int64_t>())];
  return counts;
}

// Every image gets its own first pixels, so that an image can be recognized after it has moved.
Split numbered(std::int64_t count, std::int64_t classes) {
  const auto number = at::arange(count, at::kLong);
  const auto images = at::stack({number.div(256, "floor"), number.remainder(256)}, 1);
  return {images.to(at::kByte).view({count, 1, 1, 2}).contiguous(), number.remainder(classes)};
}

std::vector<std::int64_t> numbers(const Split& split) {
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < split.size(); ++i)
    found.push_back(split.images[i][0][0][0].item<std::int64_t>() * 256 +
                    split.images[i][0][0][1].item<std::int64_t>());
  return found;
}

TEST(PixelStatistics, EqualThoseOfTensorOperations) {
  const auto split = tiny_dataset().train;
  const auto statistics = pixel_statistics(split);
  const auto planes = (split.images.to(at::kDouble) / 255).transpose(0, 1).reshape({3, -1});
  for (std::int64_t c = 0; c < 3; ++c) {
    const auto i = static_cast<std::size_t>(c);
    EXPECT_NEAR(statistics.mean[i], planes[c].mean().item<double>(), 1e-6);
    EXPECT_NEAR(statistics.deviation[i], planes[c].std(/*unbiased=*/false).item<double>(), 1e-6);
  }
}

TEST(PixelStatistics, DeviationOfOneColorIsOne) {
  auto split = tiny_dataset().train;
  split.images.select(1, 1).fill_(51);
  const auto statistics = pixel_statistics(split);
  EXPECT_FLOAT_EQ(statistics.mean[1], 0.2F);
  EXPECT_EQ(statistics.deviation[1], 1.0F);
}

TEST(HoldOut, PartsAreDisjointCompleteAndInOrder) {
  const auto train = numbered(1000, 10);
  const auto parts = hold_out(train, 200, 10, 7);
  auto kept = numbers(parts.train), held = numbers(parts.validation);
  EXPECT_EQ(held.size(), 200U);
  EXPECT_TRUE(std::is_sorted(kept.begin(), kept.end()));
  EXPECT_TRUE(std::is_sorted(held.begin(), held.end()));
  kept.insert(kept.end(), held.begin(), held.end());
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(kept, numbers(train));
  for (const auto number : held) EXPECT_LT(number, 1000);
}

TEST(HoldOut, LabelsStayWithTheirImages) {
  const auto parts = hold_out(numbered(1000, 10), 100, 10, 7);
  const auto held = numbers(parts.validation);
  for (std::size_t i = 0; i < held.size(); ++i)
    EXPECT_EQ(parts.validation.labels[static_cast<std::int64_t>(i)].item<std::int64_t>(),
              held[i] % 10);
}

TEST(HoldOut, TakesTheSameNumberOfEachClass) {
  const auto counts = class_counts(hold_out(numbered(1000, 10), 103, 10, 7).validation, 10);
  for (const auto count : counts) EXPECT_TRUE(count == 10 || count == 11) << count;
}

TEST(HoldOut, ARareClassLeavesItsShareToTheOthers) {
  auto train = numbered(100, 2);
  train.labels.fill_(0);
  train.labels[3] = 1;
  EXPECT_EQ(class_counts(hold_out(train, 20, 2, 1).validation, 2),
            (std::vector<std::int64_t>{19, 1}));
}

TEST(HoldOut, DependsOnTheSeedOnly) {
  const auto train = numbered(1000, 10);
  const auto held = [&](std::uint64_t seed) {
    return numbers(hold_out(train, 100, 10, seed).validation);
  };
  EXPECT_EQ(held(3), held(3));
  EXPECT_NE(held(3), held(4));
}

TEST(HoldOut, NothingHeldOutKeepsEverything) {
  const auto parts = hold_out(numbered(20, 2), 0, 2, 1);
  EXPECT_EQ(parts.train.size(), 20);
  EXPECT_EQ(parts.validation.size(), 0);
}

TEST(HoldOut, RefusesLessThanNothingAndMoreThanAFifth) {
  const auto train = numbered(100, 2);
  for (const std::int64_t count : {-1, 21}) {
    try {
      hold_out(train, count, 2, 1);
      FAIL() << count << " was accepted";
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(count) + " images of 100"));
      EXPECT_THAT(error.what(), HasSubstr("0..20"));
    }
  }
}

TEST(Limit, KeepsTheFirstImagesOfEachSplit) {
  Dataset dataset{"numbered", {"a", "b"}, numbered(10, 2), numbered(4, 2)};
  limit(dataset, 6);
  EXPECT_EQ(numbers(dataset.train), (std::vector<std::int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(dataset.train.labels.size(0), 6);
  EXPECT_EQ(dataset.test.size(), 4);
}

TEST(Limit, NothingOrLessMeansAll) {
  Dataset dataset{"numbered", {"a", "b"}, numbered(10, 2), numbered(4, 2)};
  limit(dataset, 0);
  limit(dataset, -5);
  EXPECT_EQ(dataset.train.size(), 10);
}

TEST(Gray, IsTheMeanOfTheChannelsInEach) {
  const Split split = support::tiny_dataset().train;
  const Split seen = gray(split, 0, 1, 0);
  const at::Tensor mean = at::round(at::mean(split.images.to(at::kDouble), {1}, true));
  for (std::int64_t c = 0; c < 3; ++c) {
    const at::Tensor channel = seen.images.slice(1, c, c + 1).to(at::kDouble);
    EXPECT_LE(at::abs(channel - mean).max().item<double>(), 1);  // halves round away from zero
  }
  EXPECT_TRUE(at::equal(seen.labels, split.labels));
}

TEST(Gray, NoiseDependsOnTheSeedAndThePart) {
  Split split;
  split.images = at::full({50, 3, 8, 8}, 128, at::kByte);
  split.labels = at::zeros({50}, at::kLong);
  const Split seen = gray(split, 0.1, 1, 0);
  EXPECT_NEAR(at::std(seen.images.to(at::kDouble)).item<double>(), 25.5, 1);
  EXPECT_TRUE(at::equal(seen.images, gray(split, 0.1, 1, 0).images));
  EXPECT_FALSE(at::equal(seen.images, gray(split, 0.1, 2, 0).images));
  EXPECT_FALSE(at::equal(seen.images, gray(split, 0.1, 1, 1).images));
}

}  // namespace
}  // namespace concertina
