#include "concertina/select/preferences.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "preference_rows.h"

namespace concertina {
namespace {

using support::like;
using support::maker;
using support::row;
using support::said;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Accuracy 0 to 1 and MACs 100 to 0: what stands here as a figure is the strength, or 100 times
// what it lacks to 1. w0.250 is worth w_macs, w1.000 w_accuracy, w0.500 0.6 w_accuracy + 0.5
// w_macs.
std::vector<Measurement> three() { return {row(250, 0, 0), row(500, 0.6, 50), row(1000, 1, 100)}; }

auto near(double value) { return DoubleNear(value, 1e-8); }

std::vector<std::string> ranks(const PreferredChoice& choice) {
  std::vector<std::string> ids;
  for (const Valued& one : choice.ranking) ids.push_back(one.row.id);
  return ids;
}

std::string refusal(const Preferences& preferences, const std::vector<Measurement>& rows = three(),
                    const Budget& budget = {}) {
  try {
    return "chose " + choose_preferred(rows, budget, preferences).ranking.front().row.id;
  } catch (const Error& error) {
    return (error.kind() == ErrorKind::no_choice ? "no choice: " : "usage: ") +
           std::string(error.what());
  }
}

// 0.1 w_accuracy = 0.5 w_macs and their sum is 1: 5/6 and 1/6.
TEST(ChoosePreferred, TakesTheWeightsThatAnEqualitySettles) {
  const PreferredChoice choice =
      choose_preferred(three(), {}, {{maker({said(like(0.75, 50), '~', like(0.85, 100))})}});
  EXPECT_THAT(choice.attributes, ElementsAre(Attribute::accuracy, Attribute::macs));
  EXPECT_THAT(choice.weights, ElementsAre(near(5.0 / 6), near(1.0 / 6)));
  EXPECT_THAT(ranks(choice), ElementsAre("w1.000", "w0.500", "w0.250"));
  EXPECT_NEAR(choice.ranking[0].value, 5.0 / 6, 1e-8);
  EXPECT_NEAR(choice.ranking[1].value, (0.6 * 5 + 0.5) / 6, 1e-8);
  EXPECT_NEAR(choice.ranking[2].value, 1.0 / 6, 1e-8);
  EXPECT_THAT(choice.rivals, IsEmpty());
  EXPECT_EQ(choice.verdicts[0][0].missing, 0);
  EXPECT_EQ(choice.verdicts[0][0].difference, 0);
}

// 0.2 w_accuracy - 0.5 w_macs >= 0.001, and even weights would be 0.5 each: w_accuracy is as small
// as it may be, 0.501 / 0.7. Without the margin it would be 5/7.
// The second one says less than nothing, but names MACs far beyond what there is.
TEST(ChoosePreferred, AStatementThatHoldsAlreadyChangesNothing) {
  const Statement real = said(like(0.9, 20), '>', like(0.8, 10));
  const Statement idle = said(like(0.9, 10), '>', like(0.5, 4000));
  const PreferredChoice one = choose_preferred(three(), {}, {{maker({real})}});
  const PreferredChoice both = choose_preferred(three(), {}, {{maker({real, idle})}});
  ASSERT_EQ(one.weights.size(), both.weights.size());
  for (std::size_t k = 0; k < one.weights.size(); ++k) {
    EXPECT_NEAR(both.weights[k], one.weights[k], 1e-8);
  }
  EXPECT_EQ(ranks(both), ranks(one));
}

TEST(ChoosePreferred, StaysAsEvenAsAPreferenceAllows) {
  const PreferredChoice choice =
      choose_preferred(three(), {}, {{maker({said(like(0.9, 100), '>', like(0.7, 50))})}});
  EXPECT_THAT(choice.weights, ElementsAre(near(0.501 / 0.7), near(0.199 / 0.7)));
  EXPECT_NEAR(choice.verdicts[0][0].difference, 0.001, 1e-8);
}

// 0.2 w_accuracy - 0.5 w_macs cannot be 0.8, and is 0.2 at most.
TEST(ChoosePreferred, ComesAsNearAsItCanToWhatCannotBe) {
  Preferences preferences{{maker({said(like(0.9, 100), '>', like(0.7, 50))})}};
  preferences.margin = 0.8;
  const PreferredChoice choice = choose_preferred(three(), {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(1), near(0)));
  EXPECT_NEAR(choice.verdicts[0][0].missing_alone, 0.6, 1e-8);
}

// Of w_a = 2 w_m and a third weight: least 5 t^2 + (1 - 3 t)^2, t = 3/14.
TEST(ChoosePreferred, SpreadsWhatIsOpenOverTheOthers) {
  Preferences preferences{{maker({said(like(0.5, 100), '~', like(0, 0))})}, {Attribute::params}};
  const PreferredChoice choice = choose_preferred(three(), {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(6.0 / 14), near(3.0 / 14), near(5.0 / 14)));
}

// w_accuracy is 1/3 for one maker and 2/3 for the other, and they miss |1.5 w - 0.5| and |1.5 w -
// 1|: what one gives up the other gains. So the more important one has all its will; of two equal
// ones every w between is as good, and 1/2 is even.
TEST(ChoosePreferred, WeighsMakersByImportance) {
  const std::vector<Statement> third = {said(like(1, 50), '~', like(0, 0))};
  const std::vector<Statement> thirds = {said(like(0.5, 100), '~', like(0, 0))};
  const auto weights = [&](double one, double other) {
    return choose_preferred(three(), {}, {{maker(third, one), maker(thirds, other)}}).weights;
  };
  EXPECT_THAT(weights(2, 1), ElementsAre(near(1.0 / 3), near(2.0 / 3)));
  EXPECT_THAT(weights(1, 1.01), ElementsAre(near(2.0 / 3), near(1.0 / 3)));
  EXPECT_THAT(weights(3, 3), ElementsAre(near(0.5), near(0.5)));
  EXPECT_THAT(weights(0, 1), ElementsAre(near(2.0 / 3), near(1.0 / 3)));
  const PreferredChoice choice =
      choose_preferred(three(), {}, {{maker(third, 2), maker(thirds, 1)}});
  EXPECT_EQ(choice.verdicts[0][0].missing, 0);
  EXPECT_NEAR(choice.verdicts[1][0].difference, 0.5 / 3 - 2.0 / 3, 1e-8);
  EXPECT_NEAR(choice.verdicts[1][0].missing, 0.5, 1e-8);
  EXPECT_EQ(choice.verdicts[1][0].missing_alone, 0);
}

// One attribute that is said not to count: (1 - w)^2 + w / 2 is least at w = 3/4.
TEST(ChoosePreferred, MayMissTheSumWhereThatIsFree) {
  Preferences preferences{{maker({said(like(0.5), '~', like(1))})}};
  PreferredChoice choice = choose_preferred(three(), {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(1)));
  EXPECT_NEAR(choice.verdicts[0][0].missing_alone, 0.5, 1e-8);
  preferences.sum = WeightSum::free;
  choice = choose_preferred(three(), {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(0.75)));
  EXPECT_NEAR(choice.verdicts[0][0].missing, 0.375, 1e-8);
}

// With a sum of their own and no limit, weights of 1.6 would meet both statements.
TEST(ChoosePreferred, LimitsEveryWeightToOne) {
  Preferences preferences{
      {maker({said(like(1, 100), '~', like(0, 0)), said(like(1, 100), '>', like(0, 50))})}};
  preferences.margin = 0.8;
  preferences.sum = WeightSum::free;
  // a = b, and (1 - 2a)^2 + 0.8 - a / 2 is least at a = 9/16.
  EXPECT_THAT(choose_preferred(three(), {}, preferences).weights,
              ElementsAre(near(9.0 / 16), near(9.0 / 16)));
  preferences.makers[0].statements = {said(like(1), '>', like(0.5))};
  // (1 - a)^2 + 0.8 - a / 2 would be least at a = 5/4.
  EXPECT_THAT(choose_preferred(three(), {}, preferences).weights, ElementsAre(near(1)));
}

TEST(ChoosePreferred, LetsNoStatementCountThatNobodyCountsFor) {
  const std::vector<Statement> all = {said(like(0.5), '~', like(1))};
  Preferences preferences{{maker({said(like(0.75, 50), '~', like(0.85, 100))}), maker(all, 0)}};
  const PreferredChoice choice = choose_preferred(three(), {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(5.0 / 6), near(1.0 / 6)));
  EXPECT_THAT(choice.verdicts[1], IsEmpty());
}

// For weights of accuracy from 0 up, w0.250 is worth most to 1 - a >= 0.5 + 0.1 a, a = 5/11, w0.500
// from there to 0.5 + 0.1 a >= a, a = 5/9, and w1.000 from there on.
TEST(ChoosePreferred, NamesWhatOtherWeightsChoose) {
  const auto choice = [](double accuracy, double macs, char sign = '>') {
    // a accuracy > (1 - a) macs: a is more than macs, as they are 1 together
    return choose_preferred(
        three(), {}, {{maker({said(like(accuracy, 100), sign, like(0, 100 - 100 * macs))})}});
  };
  EXPECT_EQ(ranks(choice(0.6, 0.4)).front(), "w0.500");
  EXPECT_THAT(choice(0.6, 0.4).rivals, UnorderedElementsAre("w1.000", "w0.250"));
  EXPECT_THAT(choice(0.54, 0.46).rivals, ElementsAre("w1.000"));
  EXPECT_EQ(ranks(choice(0.44, 0.56)).front(), "w1.000");
  EXPECT_THAT(choice(0.44, 0.56).rivals, IsEmpty());
  EXPECT_THAT(choice(0.5, 0.5, '~').rivals, IsEmpty());
}

TEST(ChoosePreferred, ComparesSubModelsByAllThatCounts) {
  const std::vector<Measurement> rows = three();
  Preferences preferences{
      {maker({said(like(rows[0]), '>', like(rows[2])), said(like(rows[2]), '>', like(0.9, 90))})}};
  // 1 - 2a >= 0.001, and 0.1 a - 0.1 (1 - a) >= 0.001 cannot hold as well: 0.2 a against 2 a.
  const PreferredChoice choice = choose_preferred(rows, {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(0.4995), near(0.5005)));
  EXPECT_EQ(choice.verdicts[0][0].missing, 0);
  EXPECT_NEAR(choice.verdicts[0][1].missing, 0.0011, 1e-8);
  EXPECT_NEAR(choice.verdicts[0][1].missing_alone, 0.0011, 1e-8);
}

TEST(ChoosePreferred, KeepsTheBudgetAndScalesOverWhatFits) {
  Preferences preferences{{maker({said(like(0.3, 50), '~', like(0, 25))})}};
  Budget budget;
  budget.max_macs = 50;
  // 0.3 / 0.6 of accuracy against 25 / 50 of MACs: even.
  const PreferredChoice choice = choose_preferred(three(), budget, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(0.5), near(0.5)));
  EXPECT_EQ(choice.ranking.size(), 2U);
  budget.max_macs = -1;
  EXPECT_EQ(refusal(preferences, three(), budget),
            "no choice: no sub-model fits max-macs=-1: the cheapest, w0.250, needs 0 MACs");
}

// MACs of 1, 10 and 100 are strengths of 1, 1/2 and 0; accuracy stays linear.
TEST(ChoosePreferred, TakesCostsByTheirRatioOnALogarithmicScale) {
  const std::vector<Measurement> rows = {row(250, 0, 1), row(500, 0.6, 10), row(1000, 1, 100)};
  Preferences preferences{{maker({said(like(0.5, 10), '~', like(0, 1))})}};
  preferences.scale = CostScale::log;
  const PreferredChoice choice = choose_preferred(rows, {}, preferences);
  EXPECT_THAT(choice.weights, ElementsAre(near(0.5), near(0.5)));
  EXPECT_NEAR(choice.ranking.front().value, 0.55, 1e-8);
  preferences.makers[0].statements = {said(like(0.5, 10), '~', like(0, 0))};
  EXPECT_EQ(refusal(preferences, rows),
            "usage: p.ini:1: \"a ~ b\": macs is 0; expected more than 0 on a logarithmic scale");
}

TEST(ChoosePreferred, LeavesOutWhatLacksAFigureThatCounts) {
  std::vector<Measurement> rows = three();
  Alternative one = like(0.7), other = like(0.6);
  one.figures[static_cast<std::size_t>(Attribute::latency)] = 0.02;
  other.figures[static_cast<std::size_t>(Attribute::latency)] = 0.01;
  const Preferences preferences{{maker({said(one, '~', other)})}};
  rows[1].latency_median = std::numeric_limits<double>::quiet_NaN();
  const PreferredChoice choice = choose_preferred(rows, {}, preferences);
  EXPECT_EQ(choice.unmeasured, 1U);
  EXPECT_EQ(choice.ranking.size(), 2U);
  for (Measurement& each : rows) each.latency_median = rows[1].latency_median;
  EXPECT_EQ(refusal(preferences, rows),
            "no choice: no sub-model that fits was measured in all of: accuracy latency");
}

TEST(ChoosePreferred, RefusesWhatNoWeightsCanMeet) {
  const auto one = [](const Statement& statement) { return refusal({{maker({statement})}}); };
  EXPECT_EQ(
      one(said(like(0.5, 50), '>', like(0.6, 50))),
      "usage: p.ini:1: \"a > b\": the left side is better in nothing; expected something it is "
      "preferred for");
  EXPECT_EQ(one(said(like(0.5, 50), '~', like(0.5, 50))),
            "usage: p.ini:1: \"a ~ b\": both sides are the same in all that counts; expected a "
            "difference");
  EXPECT_EQ(
      one(said(like(0.5), '>', like(0.4, 50))),
      "usage: p.ini:1: \"a > b\": macs stands on one side only; expected on both, or on neither");
  const Statement more = said(like(0.6, 60), '>', like(0.5, 50));
  for (const Statement& other :
       {said(like(0.5, 50), '>', like(0.6, 60)), said(like(0.5, 50), '~', like(0.6, 60)),
        said(like(0.6, 60), '~', like(0.5, 50))}) {
    EXPECT_EQ(refusal({{maker({more, other})}}),
              "usage: p.ini:1: \"" + other.text +
                  "\": contradicts p.ini:1, which the same maker says; expected one");
    EXPECT_EQ(refusal({{maker({more}), maker({other})}}).substr(0, 5), "chose");
  }
}

TEST(ChoosePreferred, RefusesWhatLeavesOpenWhatCounts) {
  std::vector<Measurement> rows = three();
  EXPECT_EQ(refusal({}),
            "usage: no maker of an importance above 0 says anything; expected a statement");
  const Preferences submodels{{maker({said(like(rows[0]), '>', like(rows[1]))})}};
  EXPECT_EQ(refusal(submodels),
            "usage: p.ini:1: \"a > b\": only sub-models are compared; expected the attributes that "
            "count as well, such as \"attributes = accuracy macs\"");
  rows[0].latency_median = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(
      refusal({{maker({said(like(rows[0]), '>', like(rows[1]))})}, {Attribute::latency}}, rows),
      "usage: p.ini:1: \"a > b\": a sub-model's latency was not measured; expected one that was");
}

// Three times "accuracy does not count": (1 - w)^2 + 3 w is least at 0.
TEST(ChoosePreferred, RefusesWeightsThatAreAllNothing) {
  const Statement never = said(like(0), '~', like(1));
  Preferences preferences{{maker({never, never, never})}};
  EXPECT_EQ(refusal(preferences), "chose w1.000");
  preferences.sum = WeightSum::free;
  EXPECT_EQ(
      refusal(preferences),
      "no choice: the statements contradict each other so far that every weight is 0; expected sum "
      "= one");
}

TEST(Attribute, IsReadFromItsName) {
  for (std::size_t k = 0; k < kAttributes; ++k) {
    const auto attribute = static_cast<Attribute>(k);
    EXPECT_EQ(parse_attribute(attribute_name(attribute)), attribute);
  }
  EXPECT_EQ(attribute_unit(Attribute::latency), Unit::seconds);
  try {
    parse_attribute("mac");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "unknown attribute \"mac\"; did you mean \"macs\"? known: accuracy macs params "
                 "bytes memory latency");
  }
}

}  // namespace
}  // namespace concertina
