#include "concertina/select/preferences.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "concertina/core/error.h"

#include "best_weights.h"
#include "strengths.h"

namespace concertina {
namespace {

using Gains = std::vector<std::vector<double>>;  // [statement][attribute]

// Statements that no weights of 0 or more can meet.
void check_possible(const Statement& statement, const std::vector<double>& gain) {
  const auto same = [](double value) { return value == 0; };
  if (std::all_of(gain.begin(), gain.end(), same)) {
    refuse(statement, "both sides are the same in all that counts; expected a difference");
  }
  const auto worse = [](double value) { return value <= 0; };
  if (!statement.equal && std::all_of(gain.begin(), gain.end(), worse)) {
    refuse(statement, "the left side is better in nothing; expected something it is preferred for");
  }
}

// Two statements of one maker about the same differences that cannot both hold.
void check_agreement(const Maker& maker, const Gains& gains) {
  for (std::size_t b = 0; b < gains.size(); ++b) {
    const std::vector<double> turned = scaled(gains[b], -1);
    for (std::size_t a = 0; a < b; ++a) {
      const Statement &one = maker.statements[a], &other = maker.statements[b];
      if (one.equal && other.equal) continue;
      const bool otherwise =
          gains[a] == turned || (gains[a] == gains[b] && one.equal != other.equal);
      if (otherwise) {
        refuse(other, "contradicts " + one.place + ", which the same maker says; expected one");
      }
    }
  }
}

Gains gains_of(const Maker& maker, const StrengthScale& scale) {
  Gains gains;
  for (const Statement& statement : maker.statements) {
    gains.push_back(scale.gain(statement));
    check_possible(statement, gains.back());
  }
  check_agreement(maker, gains);
  return gains;
}

// An equality is two wishes, of which one is missed at most.
void add_wishes(const Maker& maker, const Gains& gains, double share, double margin,
                std::vector<Wish>& wishes) {
  for (std::size_t k = 0; k < gains.size(); ++k) {
    const bool equal = maker.statements[k].equal;
    wishes.push_back({gains[k], equal ? 0 : margin, share});
    if (equal) wishes.push_back({scaled(gains[k], -1), 0, share});
  }
}

// How the weights meet a statement; missing_alone is filled in elsewhere.
Verdict verdict_of(const Statement& statement, const std::vector<double>& gain,
                   const std::vector<double>& weights, double margin) {
  const auto clear = [](double value) { return std::abs(value) <= kSameValue ? 0 : value; };
  const double difference = dot(gain, weights);
  const double lack = statement.equal ? std::abs(difference) : margin - difference;
  return {clear(difference), std::max(0.0, clear(lack)), 0};
}

std::vector<Verdict> verdicts_of(const Maker& maker, const Gains& gains,
                                 const std::vector<double>& weights,
                                 const Preferences& preferences) {
  std::vector<Wish> wishes;
  add_wishes(maker, gains, 1, preferences.margin, wishes);
  const std::vector<double> alone =
      most_even(best_weights(wishes, weights.size(), preferences.sum));
  std::vector<Verdict> verdicts;
  for (std::size_t k = 0; k < gains.size(); ++k) {
    const auto with = [&](const std::vector<double>& these) {
      return verdict_of(maker.statements[k], gains[k], these, preferences.margin);
    };
    verdicts.push_back(with(weights));
    verdicts.back().missing_alone = with(alone).missing;
  }
  return verdicts;
}

// The makers' importances are shares of one, so saying them in another unit changes nothing.
ConvexProgram weights_that_miss_least(const Preferences& preferences,
                                      const std::vector<Gains>& gains, std::size_t attributes) {
  double all = 0;
  for (const Maker& maker : preferences.makers) all += maker.importance;
  std::vector<Wish> wishes;
  for (std::size_t k = 0; k < gains.size(); ++k) {
    const Maker& maker = preferences.makers[k];
    add_wishes(maker, gains[k], maker.importance / all, preferences.margin, wishes);
  }
  return best_weights(wishes, attributes, preferences.sum);
}

std::vector<Measurement> rows_that_fit(const std::vector<Measurement>& rows, const Budget& budget) {
  choose(rows, budget);  // throws when there is none
  std::vector<Measurement> fitting;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(fitting), [&](const Measurement& row) {
    return !std::isnan(row.accuracy) && fits(row, budget);
  });
  return fitting;
}

std::vector<Measurement> measured_rows(const std::vector<Measurement>& rows,
                                       const std::vector<Attribute>& counting, CostScale scale) {
  std::vector<Measurement> measured;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(measured),
               [&](const Measurement& row) { return is_measured(row, counting, scale); });
  if (!measured.empty()) return measured;
  std::vector<std::string> names;
  for (const Attribute attribute : counting) names.emplace_back(attribute_name(attribute));
  throw NoChoiceError("no sub-model that fits was measured in all of: " + join(names, " "));
}

// The choice first, then by falling value.
void rank(std::vector<Valued>& ranking) {
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const Valued& a, const Valued& b) { return a.value > b.value; });
  std::vector<Measurement> top;
  for (const Valued& one : ranking) {
    if (one.value >= ranking.front().value - kSameValue) top.push_back(one.row);
  }
  const Subnet choice = choose(top, {}).subnet;
  const auto found = std::find_if(ranking.begin(), ranking.end(),
                                  [&](const Valued& one) { return one.row.subnet == choice; });
  std::rotate(ranking.begin(), found, found + 1);
}

std::vector<std::string> rival_ids(const std::vector<Valued>& ranking, const StrengthScale& scale,
                                   const ConvexProgram& best) {
  std::vector<std::vector<double>> strengths;
  for (const Valued& one : ranking) strengths.push_back(scale.of(one.row));
  std::vector<std::string> ids;
  for (const std::size_t one : rivals(best, strengths, 0)) ids.push_back(ranking[one].row.id);
  return ids;
}

}  // namespace

PreferredChoice choose_preferred(const std::vector<Measurement>& rows, const Budget& budget,
                                 const Preferences& preferences) {
  const std::vector<Attribute> counting = counting_attributes(preferences);
  each_statement(preferences, [&](const Statement& statement) {
    check_form(statement, counting, preferences.scale);
  });
  const std::vector<Measurement> fitting = rows_that_fit(rows, budget);
  const std::vector<Measurement> considered = measured_rows(fitting, counting, preferences.scale);
  const StrengthScale scale(preferences, counting, considered);
  std::vector<Gains> gains;
  for (const Maker& maker : preferences.makers) {
    gains.push_back(maker.importance == 0 ? Gains() : gains_of(maker, scale));
  }
  const ConvexProgram best = weights_that_miss_least(preferences, gains, scale.attributes().size());

  PreferredChoice result;
  result.attributes = scale.attributes();
  result.weights = most_even(best);
  result.unmeasured = fitting.size() - considered.size();
  if (std::accumulate(result.weights.begin(), result.weights.end(), 0.0) < kSameValue) {
    throw NoChoiceError(
        "the statements contradict each other so far that every weight is 0; expected sum = one");
  }
  for (std::size_t k = 0; k < gains.size(); ++k) {
    result.verdicts.push_back(
        verdicts_of(preferences.makers[k], gains[k], result.weights, preferences));
  }
  for (const Measurement& row : considered) {
    result.ranking.push_back({row, dot(scale.of(row), result.weights)});
  }
  rank(result.ranking);
  result.rivals = rival_ids(result.ranking, scale, best);
  return result;
}

}  // namespace concertina
