#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "concertina/data/catalog.h"

namespace concertina {
namespace {

const Dataset& shapes() {
  static const Dataset dataset = read_dataset("shapes");
  return dataset;
}

TEST(Shapes, HasTenBalancedClassesOfColorImages) {
  EXPECT_EQ(shapes().train.images.sizes(), (at::IntArrayRef{10000, 3, 32, 32}));
  EXPECT_EQ(shapes().test.images.sizes(), (at::IntArrayRef{2000, 3, 32, 32}));
  EXPECT_EQ(shapes().classes.size(), 10U);
  EXPECT_TRUE((shapes().train.labels.bincount() == 1000).all().item<bool>());
  EXPECT_TRUE((shapes().test.labels.bincount() == 200).all().item<bool>());
}

TEST(Shapes, PassesTheSelfCheckWithoutAWarning) {
  const auto check = self_check(shapes());
  EXPECT_EQ(check.duplicates, 0);
  EXPECT_TRUE(check.warnings.empty());
}

TEST(Shapes, DoesNotDependOnThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(before == 1 ? 2 : 1);
  const auto again = read_dataset("shapes");
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(again.train.images, shapes().train.images));
  EXPECT_TRUE(at::equal(again.test.images, shapes().test.images));
}

// A guess by mean color or brightness must not work: the classes differ in outline only.
TEST(Shapes, ClassesDoNotDifferInMeanColor) {
  const auto means = shapes().train.images.to(at::kFloat).mean({2, 3});
  const auto overall = means.mean(0);
  for (std::int64_t label = 0; label < 10; ++label) {
    const auto of_class =
        means.index_select(0, (shapes().train.labels == label).nonzero().flatten());
    EXPECT_LT((of_class.mean(0) - overall).abs().max().item<double>(), 6.0) << label;
  }
}

}  // namespace
}  // namespace concertina
