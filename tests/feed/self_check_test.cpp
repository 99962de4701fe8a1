#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/feed/dataset.h"

#include "support/tiny_dataset.h"

namespace concertina {
namespace {

using support::tiny_dataset;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void expect_refused(const Dataset& dataset, const std::vector<std::string>& parts) {
  try {
    self_check(dataset);
    FAIL() << "accepted, expected an error with: " << parts.front();
  } catch (const DataError& error) {
    for (const auto& part : parts) EXPECT_THAT(error.what(), HasSubstr(part));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

TEST(SelfCheck, ReportsCountsAndStatisticsOfAGoodSet) {
  const auto dataset = tiny_dataset();
  const auto check = self_check(dataset);
  EXPECT_EQ(check.class_counts, (std::vector<std::int64_t>{16, 16, 16, 16}));
  EXPECT_EQ(check.statistics.mean, pixel_statistics(dataset.train).mean);
  EXPECT_EQ(check.duplicates, 0);
  EXPECT_THAT(check.warnings, IsEmpty());
}

TEST(SelfCheck, NamesTheLabelOutOfRange) {
  auto dataset = tiny_dataset();
  dataset.train.labels[17] = 4;
  expect_refused(dataset, {"tiny: train label 17 is 4", "expected 0..3"});
  dataset = tiny_dataset();
  dataset.test.labels[3] = -1;
  expect_refused(dataset, {"tiny: test label 3 is -1", "expected 0..3"});
}

TEST(SelfCheck, NamesTheClassWithoutImages) {
  auto dataset = tiny_dataset();
  dataset.train.labels.masked_fill_(dataset.train.labels == 2, 0);
  expect_refused(dataset, {"class 2 (class2) has 0 of 64 train images"});
}

TEST(SelfCheck, RefusesASingleClass) {
  auto dataset = tiny_dataset();
  dataset.classes = {"all"};
  dataset.train.labels.zero_();
  dataset.test.labels.zero_();
  expect_refused(dataset, {"1 classes, expected 2 or more"});
}

TEST(SelfCheck, RefusesOtherShapesAndTypes) {
  auto dataset = tiny_dataset();
  dataset.train.images = dataset.train.images.to(at::kFloat);
  expect_refused(dataset, {"train images are [64, 3, 8, 8] Float", "[N, C, H, W] uint8"});
  dataset = tiny_dataset();
  dataset.train.images = at::Tensor();
  expect_refused(dataset, {"train images are nothing"});
  dataset = tiny_dataset();
  dataset.test.images = dataset.test.images.transpose(2, 3);
  expect_refused(dataset, {"test images are", "not contiguous"});
  dataset = tiny_dataset();
  dataset.test.labels = dataset.test.labels.view({8, 4});
  expect_refused(dataset, {"test labels are [8, 4] Long", "expected [N] int64"});
}

TEST(SelfCheck, RefusesEmptyAndUnequalParts) {
  auto dataset = tiny_dataset();
  dataset.test = {dataset.test.images.narrow(0, 0, 0), dataset.test.labels.narrow(0, 0, 0)};
  expect_refused(dataset, {"test images are [0, 3, 8, 8]", "expected at least one pixel"});
  dataset = tiny_dataset();
  dataset.train.labels = dataset.train.labels.narrow(0, 0, 60).clone();
  expect_refused(dataset, {"train has 64 images and 60 labels"});
  dataset = tiny_dataset();
  dataset.test.images = dataset.test.images.narrow(3, 0, 7).contiguous();
  expect_refused(dataset, {"test images are [32, 3, 8, 7]", "[64, 3, 8, 8]"});
}

TEST(SelfCheck, RefusesConstantImages) {
  auto dataset = tiny_dataset();
  dataset.train.images.fill_(9);
  expect_refused(dataset, {"every pixel of the train images is 9"});
}

TEST(SelfCheck, CountsTestImagesThatAreTrainImages) {
  auto dataset = tiny_dataset();
  dataset.test.images[5] = dataset.train.images[60];
  dataset.test.images[6] = dataset.train.images[60];
  const auto check = self_check(dataset);
  EXPECT_EQ(check.duplicates, 2);
  EXPECT_THAT(check.warnings.at(0), HasSubstr("2 of 32 test images are also train images"));
}

TEST(SelfCheck, WarnsOfUnbalancedClasses) {
  auto dataset = tiny_dataset();
  dataset.train.labels.narrow(0, 0, 32).fill_(1);
  const auto check = self_check(dataset);
  EXPECT_EQ(check.class_counts, (std::vector<std::int64_t>{8, 40, 8, 8}));
  EXPECT_THAT(check.warnings.at(0), HasSubstr("40 train images of 1 (class1), 8 of 0 (class0)"));
}

}  // namespace
}  // namespace concertina
