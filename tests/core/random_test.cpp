#include "concertina/core/random.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>
#include <string>

#include <gmock/gmock.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using testing::ElementsAre;

std::array<std::uint32_t, 4> block(CounterRandom random, int index) {
  for (int i = 0; i < 4 * index; ++i) random.next();
  return {random.next(), random.next(), random.next(), random.next()};
}

// The three lines "philox4x32 10" of Random123's tests/kat_vectors. Counter words 0 to 3 are
// (stream and block), a, and the halves of b; key words are the halves of the seed.
TEST(CounterRandom, GivesThePublishedNumbersOfPhilox) {
  EXPECT_THAT(block(CounterRandom(0, static_cast<Stream>(0)), 0),
              ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  const CounterRandom pi(0x299f31d0a4093822, static_cast<Stream>(0x24), 0x85a308d3,
                         0x0370734413198a2e);
  EXPECT_THAT(block(pi, 0x3f6a88), ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

// All ones is also the last block that one object can draw.
TEST(CounterRandom, GivesThePublishedNumbersOfItsLastBlock) {
  const CounterRandom ones(~0ULL, static_cast<Stream>(0xff), ~0U, ~0ULL);
  EXPECT_THAT(block(ones, 0xffffff), ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
}

TEST(CounterRandom, DependsOnEachPartOfItsName) {
  std::set<std::uint32_t> firsts;
  for (CounterRandom random :
       {CounterRandom(1, Stream::shuffle, 0, 0), CounterRandom(2, Stream::shuffle, 0, 0),
        CounterRandom(1ULL << 32U, Stream::shuffle, 0, 0), CounterRandom(1, Stream::augment, 0, 0),
        CounterRandom(1, Stream::shuffle, 1, 0), CounterRandom(1, Stream::shuffle, 0, 1),
        CounterRandom(1, Stream::shuffle, 0, 1ULL << 32U)}) {
    firsts.insert(random.next());
  }
  EXPECT_EQ(firsts.size(), 7U);
}

TEST(CounterRandom, RepeatsFromTheSameName) {
  CounterRandom a(7, Stream::bench, 3, 9);
  CounterRandom b(7, Stream::bench, 3, 9);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(a.normal(), b.normal()) << i;
}

TEST(CounterRandom, UniformFillsTheUnitInterval) {
  CounterRandom random(1, Stream::bench);
  constexpr int kDraws = 100000;
  std::array<int, 10> bins{};
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    ++bins[static_cast<std::size_t>(value * 10)];
  }
  // Five deviations of a binomial bin (95) either side.
  for (const int count : bins) EXPECT_NEAR(count, kDraws / 10, 475);
}

TEST(CounterRandom, BelowIsUniformForABoundThatDoesNotDivide) {
  CounterRandom random(2, Stream::bench);
  constexpr int kDraws = 70000;
  std::array<int, 7> bins{};
  for (int i = 0; i < kDraws; ++i) ++bins.at(random.below(7));
  for (const int count : bins) EXPECT_NEAR(count, kDraws / 7, 465);
  EXPECT_EQ(random.below(1), 0U);
}

// With 3 * 2^30 a plain product or remainder would give a third of the values twice as often.
TEST(CounterRandom, BelowIsUnbiasedForALargeBound) {
  CounterRandom random(3, Stream::bench);
  constexpr std::uint32_t kBound = 3U << 30U;
  constexpr int kDraws = 30000;
  std::array<int, 3> thirds{};
  std::array<int, 3> remainders{};
  for (int i = 0; i < kDraws; ++i) {
    const std::uint32_t value = random.below(kBound);
    ++thirds.at(value >> 30U);
    ++remainders.at(value % 3);
  }
  for (const int count : thirds) EXPECT_NEAR(count, kDraws / 3, 410);
  for (const int count : remainders) EXPECT_NEAR(count, kDraws / 3, 410);
}

TEST(CounterRandom, NormalHasTheMomentsOfANormal) {
  CounterRandom random(4, Stream::initialize);
  constexpr int kDraws = 200000;
  std::array<double, 5> moment{};
  double neighbors = 0;
  double before = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = random.normal();
    for (std::size_t k = 1; k < moment.size(); ++k) {
      moment[k] += std::pow(value, static_cast<double>(k)) / kDraws;
    }
    neighbors += value * before / kDraws;
    before = value;
  }
  // Five standard errors: sqrt(var / n) with variances 1, 2, 15, 96, 1.
  EXPECT_NEAR(moment[1], 0, 0.0112);
  EXPECT_NEAR(moment[2], 1, 0.0159);
  EXPECT_NEAR(moment[3], 0, 0.0434);
  EXPECT_NEAR(moment[4], 3, 0.1096);
  EXPECT_NEAR(neighbors, 0, 0.0112);
}

TEST(Permutation, HoldsEveryIndexOnce) {
  for (const std::int64_t count : {0, 1, 2, 1000}) {
    std::vector<std::int64_t> order = permutation(count, CounterRandom(5, Stream::shuffle, 1));
    EXPECT_EQ(order, permutation(count, CounterRandom(5, Stream::shuffle, 1)));
    std::sort(order.begin(), order.end());
    ASSERT_EQ(static_cast<std::int64_t>(order.size()), count);
    for (std::int64_t i = 0; i < count; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  }
}

TEST(Permutation, GivesEachOrderAsOften) {
  std::array<int, 27> seen{};
  for (std::uint32_t i = 0; i < 6000; ++i) {
    const auto order = permutation(3, CounterRandom(6, Stream::shuffle, i));
    ++seen.at(static_cast<std::size_t>(9 * order[0] + 3 * order[1] + order[2]));
  }
  EXPECT_EQ(std::count_if(seen.begin(), seen.end(), [](int count) { return count > 0; }), 6);
  for (const int count : seen) {
    if (count > 0) {
      EXPECT_NEAR(count, 1000, 145);
    }
  }
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ProgrammingError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CounterRandom, RefusesAStreamOutsideItsRange) {
  EXPECT_EQ(refusal([] { CounterRandom(1, static_cast<Stream>(256)); }),
            "random numbers: the stream is 256; expected 0 to 255");
}

TEST(CounterRandom, RefusesABoundOfNothing) {
  EXPECT_EQ(refusal([] { CounterRandom(1, Stream::bench).below(0); }),
            "random numbers: the bound is 0; expected at least 1");
}

TEST(CounterRandom, RefusesToRunIntoTheNextStream) {
  CounterRandom random(1, Stream::bench);
  for (std::uint32_t k = 0; k < 1U << 26U; ++k) random.next();
  EXPECT_EQ(refusal([&] { random.next(); }),
            "random numbers: the count of numbers drawn from one object is over 67108864; expected "
            "at most 67108864");
}

TEST(Permutation, RefusesALengthOutsideItsRange) {
  EXPECT_EQ(refusal([] { permutation(-1, CounterRandom(1, Stream::bench)); }),
            "random numbers: the length of a permutation is -1; expected 0 to 4294967295");
  EXPECT_NE(refusal([] { permutation(1LL << 32, CounterRandom(1, Stream::bench)); }), "accepted");
}

}  // namespace
}  // namespace concertina
