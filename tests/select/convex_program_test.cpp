#include "convex_program.h"

#include <cmath>

#include <gmock/gmock.h>

#include "concertina/core/random.h"

namespace concertina {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

auto near(double value) { return DoubleNear(value, 1e-12); }

TEST(ConvexProgram, OfNoRowsStaysWhereTheObjectiveIsLeast) {
  ConvexProgram program(2);
  program.slope = {1, -3};  // x1^2 - 3 x1, least at 1.5
  program.curvature[1][1] = 2;
  EXPECT_THAT(minimize(program)->x, ElementsAre(0, near(1.5)));
}

// Least 2a + 3b with a + b >= 4 and a <= 3: a = 3, b = 1; one more of the first bound costs a b,
// one less of the second saves b - a.
TEST(ConvexProgram, OfNoCurvatureIsLinear) {
  ConvexProgram program(2);
  program.slope = {2, 3};
  program.add({1, 1}, 4);
  program.add({-1, 0}, -3);
  const auto found = minimize(program);
  EXPECT_THAT(found->x, ElementsAre(near(3), near(1)));
  EXPECT_THAT(found->prices, ElementsAre(near(3), near(1)));
  EXPECT_THAT(found->reduced, ElementsAre(near(0), near(0)));
}

// The point of the plane a + 2b + 3c = 14 that is nearest to 0 is (1, 2, 3).
TEST(ConvexProgram, MayAskForEquality) {
  ConvexProgram program(3);
  for (std::size_t i = 0; i < 3; ++i) program.curvature[i][i] = 1;
  program.add({1, 2, 3}, 14);
  program.add({-1, -2, -3}, -14);
  EXPECT_THAT(minimize(program)->x, ElementsAre(near(1), near(2), near(3)));
}

TEST(ConvexProgram, WithoutAPointGivesNothing) {
  ConvexProgram program(2);
  program.add({1, 1}, 1);
  program.add({-1, -1}, -0.999);
  EXPECT_FALSE(minimize(program));
}

double entry(CounterRandom& random) { return static_cast<double>(random.below(5)) - 2; }

// Whole numbers, so that most corners are of more rows than they need; x = 1 everywhere meets all.
ConvexProgram random_program(CounterRandom& random) {
  const std::size_t n = 1 + random.below(6), rows = random.below(20), rank = random.below(3);
  ConvexProgram program(n);
  for (std::size_t r = 0; r < rank; ++r) {
    std::vector<double> factor(n);
    for (double& value : factor) value = entry(random);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) program.curvature[i][k] += factor[i] * factor[k];
    }
  }
  for (double& value : program.slope) value = entry(random);
  for (std::size_t j = 0; j < rows; ++j) {
    std::vector<double> row(n);
    double at_one = 0;
    for (double& value : row) at_one += value = entry(random);
    program.add(std::move(row), at_one - random.below(3));
  }
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> most(n, 0.0);
    most[i] = -1;
    program.add(std::move(most), -10);
  }
  return program;
}

// What is convex is least where these conditions hold, and only there.
TEST(ConvexProgram, MeetsTheConditionsOfOptimality) {
  CounterRandom random(1, Stream::bench);
  constexpr double kNone = 1e-10;
  for (int i = 0; i < 5000; ++i) {
    const ConvexProgram program = random_program(random);
    const auto found = minimize(program);
    ASSERT_TRUE(found) << i;
    for (std::size_t k = 0; k < program.variables(); ++k) {
      double reduced = program.slope[k];
      for (std::size_t j = 0; j < program.variables(); ++j) {
        reduced += program.curvature[k][j] * found->x[j];
      }
      for (std::size_t j = 0; j < program.rows.size(); ++j) {
        reduced -= program.rows[j][k] * found->prices[j];
      }
      ASSERT_NEAR(reduced, found->reduced[k], kNone) << i;
      ASSERT_GE(found->x[k], 0) << i;
      ASSERT_NEAR(reduced * found->x[k], 0, kNone) << i;
    }
    for (std::size_t j = 0; j < program.rows.size(); ++j) {
      double over = -program.bounds[j];
      for (std::size_t k = 0; k < program.variables(); ++k) {
        over += program.rows[j][k] * found->x[k];
      }
      ASSERT_GE(over, -kNone) << i;
      ASSERT_NEAR(over * found->prices[j], 0, kNone) << i;
    }
  }
}

}  // namespace
}  // namespace concertina
