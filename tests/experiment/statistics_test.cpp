// Means, deviations and paired differences against published numbers.
#include "concertina/experiment/statistics.h"

#include <cmath>

#include <gtest/gtest.h>

namespace concertina::experiment {
namespace {

// Student (1908), "The probable error of a mean", the additional hours of sleep that ten patients
// gained by one drug over the other. R's t.test(extra ~ group, data = sleep, paired = TRUE) gives
// the interval.
TEST(Statistics, AgreeWithStudentsOwnExample) {
  const std::vector<double> hours = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};
  const Difference result = difference(hours);
  EXPECT_EQ(result.count, 10U);
  EXPECT_NEAR(result.mean, 1.58, 1e-12);
  EXPECT_NEAR(result.mean / result.standard_error, 4.062128, 1e-6);
  EXPECT_NEAR(result.low, 0.7001142, 1e-7);
  EXPECT_NEAR(result.high, 2.4598858, 1e-7);
}

// The interval of -1, 0, 1, ... reaches t(0.975, n - 1) standard errors; t from printed tables.
TEST(Statistics, ReachAsFarAsTheTableOfStudentsT) {
  const std::vector<std::pair<int, double>> table = {{2, 12.706}, {3, 4.303},  {4, 3.182},
                                                     {5, 2.776},  {10, 2.262}, {31, 2.042}};
  for (const auto& [count, t] : table) {
    std::vector<double> values;
    for (int k = 0; k < count; ++k) values.push_back(k);
    const Difference result = difference(values);
    EXPECT_NEAR((result.high - result.mean) / result.standard_error, t, 5e-4) << count;
    EXPECT_NEAR((result.mean - result.low) / result.standard_error, t, 5e-4) << count;
  }
}

// NIST/SEMATECH e-Handbook of Statistical Methods, data set NumAcc1: certified mean 10000002 and
// deviation 1, where a sum of squares loses half of the digits.
TEST(Statistics, OfLargeValuesLoseNoDigits) {
  const Spread result = spread({10000001, 10000003, 10000002});
  EXPECT_EQ(result.mean, 10000002);
  EXPECT_EQ(result.deviation, 1);
}

TEST(Statistics, OfEqualValuesAreExact) {
  const Spread all = spread({0.1, 0.1, 0.1});
  EXPECT_EQ(all.mean, 0.1);
  EXPECT_EQ(all.deviation, 0);
  const Difference none = difference({0, 0});
  EXPECT_EQ(none.standard_error, 0);
  EXPECT_EQ(none.low, 0);
  EXPECT_EQ(none.high, 0);
}

TEST(Statistics, OfTooFewAreUnknown) {
  EXPECT_EQ(spread({}).count, 0U);
  EXPECT_TRUE(std::isnan(spread({}).mean));
  EXPECT_EQ(spread({0.5}).mean, 0.5);
  EXPECT_TRUE(std::isnan(spread({0.5}).deviation));
  const Difference one = difference({0.25});
  EXPECT_EQ(one.mean, 0.25);
  EXPECT_TRUE(std::isnan(one.standard_error));
  EXPECT_TRUE(std::isnan(one.low));
  EXPECT_TRUE(std::isnan(one.high));
}

TEST(Statistics, MedianIsInTheMiddle) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_TRUE(std::isnan(median({})));
}

}  // namespace
}  // namespace concertina::experiment
