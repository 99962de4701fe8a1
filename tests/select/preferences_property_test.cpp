#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/select/preferences.h"

#include "preference_rows.h"

namespace concertina {
namespace {

using support::like;
using support::said;

double share(CounterRandom& random) { return random.below(1001) / 1000.0; }

std::vector<Measurement> random_rows(CounterRandom& random) {
  std::vector<Measurement> rows(2 + random.below(9));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = support::row(1 + static_cast<int>(i), share(random), 0);
    rows[i].cost = {random.below(101), 0, random.below(101), random.below(101), random.below(101)};
    rows[i].latency_median = random.below(101) / 1000.0;
  }
  return rows;
}

const std::vector<Attribute> kAll = {Attribute::accuracy, Attribute::macs,   Attribute::params,
                                     Attribute::bytes,    Attribute::memory, Attribute::latency};

// Statements about sub-models, so that they do not change the scale. `sign` gives '>', '~', '<', or
// ' ' for none.
template <typename Sign>
Maker random_maker(const std::vector<Measurement>& rows, CounterRandom& random, const Sign& sign) {
  Maker made{"Ana", 1 + random.below(3) / 2.0, {}};
  for (std::uint32_t k = 1 + random.below(5); k > 0; --k) {
    const auto a = random.below(static_cast<std::uint32_t>(rows.size()));
    const auto b = random.below(static_cast<std::uint32_t>(rows.size()));
    const char found = a == b ? ' ' : sign(a, b);
    if (found == '<') made.statements.push_back(said(like(rows[b]), '>', like(rows[a])));
    if (found == '>' || found == '~') {
      made.statements.push_back(said(like(rows[a]), found, like(rows[b])));
    }
  }
  return made;
}

// A strength of each row in each attribute, worked out apart from the code under test.
std::vector<std::vector<double>> strengths(const std::vector<Measurement>& rows,
                                           const std::vector<Attribute>& attributes) {
  std::vector<std::vector<double>> all(rows.size());
  for (const Attribute attribute : attributes) {
    const auto figure = [&](std::size_t row) {
      return figures_of(rows[row])[static_cast<std::size_t>(attribute)];
    };
    double least = figure(0), most = figure(0);
    for (std::size_t i = 1; i < rows.size(); ++i) {
      least = std::min(least, figure(i));
      most = std::max(most, figure(i));
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double part = most > least ? (figure(i) - least) / (most - least) : 0;
      all[i].push_back(attribute == Attribute::accuracy ? part : 1 - part);
    }
  }
  return all;
}

double value(const std::vector<double>& strength, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) sum += strength[k] * weights[k];
  return sum;
}

std::vector<double> random_weights(std::size_t count, CounterRandom& random) {
  std::vector<double> weights(count);
  double sum = 0;
  for (double& weight : weights) sum += weight = random.below(4) == 0 ? 0 : 0.001 + share(random);
  if (sum == 0) sum = weights[0] = 1;
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::optional<PreferredChoice> choice(const std::vector<Measurement>& rows,
                                      const Preferences& preferences) {
  try {
    return choose_preferred(rows, {}, preferences);
  } catch (const Error&) {  // nobody says anything, or what is impossible
    return std::nullopt;
  }
}

double value_of(const PreferredChoice& choice, const std::string& id) {
  for (const Valued& one : choice.ranking) {
    if (one.row.id == id) return one.value;
  }
  ADD_FAILURE() << id << " is not ranked";
  return 0;
}

// Statements that some weights meet are met, and what those weights choose is the choice or named.
TEST(Preferences, OfSomeWeightsAreMet) {
  CounterRandom random(1, Stream::bench);
  int held = 0, named = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::vector<Measurement> rows = random_rows(random);
    const std::vector<std::vector<double>> strength = strengths(rows, kAll);
    const std::vector<double> hidden = random_weights(kAttributes, random);
    const auto sign = [&](std::size_t a, std::size_t b) {
      const double gain = value(strength[a], hidden) - value(strength[b], hidden);
      return gain > 0.0011 ? '>' : gain < -0.0011 ? '<' : ' ';
    };
    const Preferences preferences{
        {random_maker(rows, random, sign), random_maker(rows, random, sign)}, kAll};
    const auto found = choice(rows, preferences);
    if (!found) continue;
    const auto best = std::max_element(
        strength.begin(), strength.end(),
        [&](const auto& a, const auto& b) { return value(a, hidden) < value(b, hidden); });
    const std::string winner = rows[static_cast<std::size_t>(best - strength.begin())].id;
    for (const std::vector<Verdict>& verdicts : found->verdicts) {
      for (const Verdict& verdict : verdicts) {
        ASSERT_EQ(verdict.missing, 0) << i;
        ASSERT_GE(verdict.difference, 0.001 - 1e-6) << i;
        ++held;
      }
    }
    const bool known =
        std::find(found->rivals.begin(), found->rivals.end(), winner) != found->rivals.end();
    ASSERT_TRUE(known || value_of(*found, winner) >= found->ranking.front().value - 1e-6 ||
                winner == found->ranking.front().row.id)
        << i << " " << winner;
    named += known;
  }
  EXPECT_GT(held, 5000);
  EXPECT_GT(named, 100);
}

template <typename Visit>
void each_random_choice(std::uint64_t seed, const Visit& visit) {
  CounterRandom random(seed, Stream::bench);
  const auto sign = [&](std::size_t, std::size_t) { return "<>~"[random.below(3)]; };
  int made = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::vector<Measurement> rows = random_rows(random);
    Preferences preferences{{random_maker(rows, random, sign), random_maker(rows, random, sign)},
                            kAll};
    if (random.below(2) == 0) preferences.sum = WeightSum::free;
    const auto found = choice(rows, preferences);
    if (!found) continue;
    ++made;
    visit(rows, preferences, *found, i);
  }
  EXPECT_GT(made, 300);
}

TEST(Preferences, NeverChooseWhatIsWorseInAllThatCounts) {
  each_random_choice(2, [](const auto& rows, const auto&, const auto& found, int i) {
    ASSERT_LE(*std::max_element(found.weights.begin(), found.weights.end()), 1 + 1e-9) << i;
    const auto strength = strengths(rows, found.attributes);
    const auto is_choice = [&](const Measurement& row) {
      return row.id == found.ranking.front().row.id;
    };
    const auto at =
        static_cast<std::size_t>(std::find_if(rows.begin(), rows.end(), is_choice) - rows.begin());
    for (const std::vector<double>& other : strength) {
      bool worse = true;
      for (std::size_t k = 0; k < other.size(); ++k) {
        worse = worse && (found.weights[k] < 1e-6 || other[k] > strength[at][k]);
      }
      ASSERT_FALSE(worse) << i;
    }
  });
}

void expect_same(const PreferredChoice& one, const PreferredChoice& other, int i) {
  ASSERT_EQ(one.weights.size(), other.weights.size()) << i;
  for (std::size_t k = 0; k < one.weights.size(); ++k) {
    ASSERT_NEAR(one.weights[k], other.weights[k], 1e-6) << i;
  }
}

TEST(Preferences, OfTwoMakersWhoSayTheSameAreThoseOfOne) {
  each_random_choice(3, [](const auto& rows, Preferences preferences, const auto&, int i) {
    preferences.makers.resize(1);
    const auto alone = choice(rows, preferences);
    preferences.makers.push_back(preferences.makers.front());
    const auto twice = choice(rows, preferences);
    ASSERT_EQ(alone.has_value(), twice.has_value()) << i;
    if (alone) expect_same(*alone, *twice, i);
  });
}

TEST(Preferences, OfImportanceZeroAreAsIfAbsent) {
  each_random_choice(4, [](const auto& rows, Preferences preferences, const auto&, int i) {
    preferences.makers.back().importance = 0;
    const auto silent = choice(rows, preferences);
    preferences.makers.pop_back();
    const auto absent = choice(rows, preferences);
    ASSERT_EQ(silent.has_value(), absent.has_value()) << i;
    if (silent) expect_same(*silent, *absent, i);
  });
}

TEST(Preferences, DoNotDependOnAnyOrder) {
  each_random_choice(5, [](auto rows, Preferences preferences, const auto& found, int i) {
    std::reverse(rows.begin(), rows.end());
    std::reverse(preferences.makers.begin(), preferences.makers.end());
    for (Maker& maker : preferences.makers) {
      std::reverse(maker.statements.begin(), maker.statements.end());
      maker.importance *= 7;
    }
    const auto turned = choice(rows, preferences);
    ASSERT_TRUE(turned) << i;
    expect_same(found, *turned, i);
    ASSERT_NEAR(value_of(found, turned->ranking.front().row.id), found.ranking.front().value, 1e-5)
        << i;
  });
}

}  // namespace
}  // namespace concertina
