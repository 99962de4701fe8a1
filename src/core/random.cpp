#include "concertina/core/random.h"

#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include <Random123/philox.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

constexpr std::uint32_t kStreamShift = 24;
constexpr double kTwoToMinus32 = 1.0 / 4294967296.0;
constexpr double kTwoPi = 6.283185307179586476925286766559;

std::uint32_t low_word(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high_word(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32U); }

// Apart from the functions that throw it, so that those stay small enough to be inlined.
[[noreturn]] void refuse(const std::string& what, const std::string& found,
                         const std::string& expected) {
  throw ProgrammingError("random numbers: " + what + " is " + found + "; expected " + expected);
}

}  // namespace

CounterRandom::CounterRandom(std::uint64_t seed, Stream stream, std::uint32_t a, std::uint64_t b)
    : key_{low_word(seed), high_word(seed)},
      counter_{static_cast<std::uint32_t>(stream) << kStreamShift, a, low_word(b), high_word(b)} {
  const auto number = static_cast<std::uint32_t>(stream);
  if (number >= 256) refuse("the stream", std::to_string(number), "0 to 255");
}

std::uint32_t CounterRandom::next() {
  if (used_ == 4) {
    // A further block would carry into the stream's bits and repeat another stream's numbers.
    if (blocks_ >= 1U << kStreamShift) {
      refuse("the count of numbers drawn from one object", "over 67108864", "at most 67108864");
    }
    using Philox = r123::Philox4x32_R<10>;
    const Philox::ctr_type counter = {
        {counter_[0] | blocks_, counter_[1], counter_[2], counter_[3]}};
    const Philox::key_type key = {{key_[0], key_[1]}};
    const Philox::ctr_type numbers = Philox()(counter, key);
    for (std::size_t i = 0; i < block_.size(); ++i) block_[i] = numbers[i];
    ++blocks_;
    used_ = 0;
  }
  return block_[static_cast<std::size_t>(used_++)];
}

double CounterRandom::uniform() { return next() * kTwoToMinus32; }

// Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019: the high word of a
// product, drawn again for the few low words that would favor some results.
std::uint32_t CounterRandom::below(std::uint32_t bound) {
  if (bound == 0) refuse("the bound", "0", "at least 1");
  const std::uint32_t refused = (0U - bound) % bound;
  for (;;) {
    const std::uint64_t product = static_cast<std::uint64_t>(next()) * bound;
    if (low_word(product) >= refused) return high_word(product);
  }
}

double CounterRandom::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  const double in_0_1_closed = (next() + 1.0) * kTwoToMinus32;  // never 0: its logarithm is taken
  const double radius = std::sqrt(-2.0 * std::log(in_0_1_closed));
  const double angle = kTwoPi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::vector<std::int64_t> permutation(std::int64_t count, CounterRandom random) {
  if (count < 0 || count > 0xFFFFFFFFLL) {
    refuse("the length of a permutation", std::to_string(count), "0 to 4294967295");
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(static_cast<std::uint32_t>(left))]);
  }
  return order;
}

}  // namespace concertina
