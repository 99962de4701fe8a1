// The real CIFAR-10, when CONCERTINA_CIFAR10 names its folder.
#include <cstdlib>

#include <gtest/gtest.h>

#include "concertina/data/catalog.h"

namespace concertina {
namespace {

TEST(RealCifar10, HasTheKnownCountsAndStatistics) {
  const char* folder = std::getenv("CONCERTINA_CIFAR10");
  if (folder == nullptr || *folder == '\0')
    GTEST_SKIP() << "CONCERTINA_CIFAR10 does not name a folder with CIFAR-10";
  const auto dataset = read_dataset(std::string("cifar10:") + folder);
  EXPECT_EQ(dataset.train.size(), 50000);
  EXPECT_EQ(dataset.test.size(), 10000);
  const auto check = self_check(dataset);
  EXPECT_EQ(check.class_counts, std::vector<std::int64_t>(10, 5000));
  const float mean[] = {0.4914F, 0.4822F, 0.4465F}, deviation[] = {0.2470F, 0.2435F, 0.2616F};
  for (std::size_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(check.statistics.mean[c], mean[c], 5.1e-5) << c;
    EXPECT_NEAR(check.statistics.deviation[c], deviation[c], 5.1e-5) << c;
  }
  EXPECT_EQ(check.duplicates, 0);
  EXPECT_TRUE(check.warnings.empty());
  EXPECT_EQ(dataset.classes.size(), 10U);
}

}  // namespace
}  // namespace concertina
