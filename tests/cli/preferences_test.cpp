// concertina select --prefer, on a sweep that is made here.
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "concertina/store/sweep_file.h"

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::Outcome;
using testing::HasSubstr;

class Prefer : public support::RunFolder {
 protected:
  void SetUp() override {
    add(250, 0.5, 0);
    add(500, 0.8, 50'000'000);
    add(1000, 1, 100'000'000);
    write_sweep(folder_.path() / "sweep.h5", sweep_);
  }
  void add(int width, double accuracy, std::int64_t macs) {
    Measurement row;
    row.subnet = {Width::from_thousandths(width), 1};
    row.id = row.subnet.width.label();
    row.accuracy = accuracy;
    row.cost.macs = macs;
    row.latency_median = 0.001;
    sweep_.rows.push_back(row);
  }

  Outcome prefer(const std::string& text, const std::vector<std::string>& more = {}) {
    folder_.write("p.ini", text);
    std::vector<std::string> arguments = {"select", "sweep.h5", "--prefer", "p.ini"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  Sweep sweep_;
};

// Strengths: 0.6 and 0.5 of w0.500; 0.6 w_accuracy = 0.5 w_macs, so weights of 5/11 and 6/11, and a
// value of 6/11 for w0.250 and for w0.500: the more accurate one is chosen.
const std::string kEven =
    "[maker Ana]\nimportance = 2\nsays = accuracy=80% macs=50M ~ w0.250\n"
    "[maker Bob]\nsays = w0.500 > w1.000\n";

TEST_F(Prefer, ChoosesAndSaysWhy) {
  const Outcome outcome = prefer(kEven);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("choice: w0.500, worth most by p.ini of 3 sub-models;"));
  EXPECT_THAT(outcome.out, HasSubstr("weights: accuracy 0.4545, macs 0.5455\n"
                                     "robust: yes, all weights that meet the statements as well "
                                     "choose it\n\n"
                                     "maker  importance  difference  verdict  statement\n"
                                     "Ana             2      0.0000  holds    accuracy=80% "
                                     "macs=50M ~ w0.250\n"
                                     "Bob             1      0.0909  holds    w0.500 > w1.000\n\n"
                                     "sub-model   value  accuracy  macs\n"
                                     "w0.500     0.5455    80.00%   50M\n"
                                     "w0.250     0.5455    50.00%     0\n"
                                     "w1.000     0.4545   100.00%  100M\n"));
  EXPECT_THAT(contents(folder_.path() / "choice.ini"),
              HasSubstr("\n[preferences]\nfile = p.ini\nmargin = 0.001\nscale = linear\nsum = one\n"
                        "weights = accuracy=0.4545 macs=0.5455\nvalue = 0.5455\nrivals = none\n"
                        "statement = Ana (2): accuracy=80% macs=50M ~ w0.250: holds\n"
                        "statement = Bob (1): w0.500 > w1.000: holds\n"));
}

// Strengths over what fits: w0.250 0 and 1, w0.500 1 and 0. Ana: w_accuracy >= 0.801 / (0.8 + 1/3);
// Bob: w_accuracy <= 0.4995. Each step between costs Ana 2 * (0.8 + 1/3), and Bob 2.
TEST_F(Prefer, KeepsTheBudgetAndAnswersAsJson) {
  const Outcome outcome = prefer(
      "[maker Ana]\nimportance = 2\nsays = accuracy=60% macs=40M > accuracy=50% macs=0\n"
      "[maker Bob]\nsays = w0.250 > w0.500\n",
      {"--max-macs", "60M", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out), preferences = json.at("preferences");
  const double weight = 0.801 / (0.8 + 1.0 / 3);
  EXPECT_EQ(json.at("choice").at("id"), "w0.500");
  EXPECT_EQ(json.at("why"), "worth most by p.ini of the 2 of 3 sub-models that fit max-macs=60M");
  EXPECT_EQ(preferences.at("file"), "p.ini");
  EXPECT_EQ(preferences.at("margin"), 0.001);
  EXPECT_EQ(preferences.at("scale"), "linear");
  EXPECT_EQ(preferences.at("sum"), "one");
  EXPECT_EQ(preferences.at("robust"), true);
  EXPECT_EQ(preferences.at("rivals"), Json::array());
  EXPECT_NEAR(preferences.at("weights").at("accuracy"), weight, 1e-8);
  EXPECT_EQ(preferences.at("values").at(1).at("id"), "w0.250");
  EXPECT_NEAR(preferences.at("values").at(1).at("value"), 1 - weight, 1e-8);
  const Json& said = preferences.at("statements").at(1);
  EXPECT_EQ(said.at("maker"), "Bob");
  EXPECT_EQ(said.at("importance"), 1);
  EXPECT_EQ(said.at("statement"), "w0.250 > w0.500");
  EXPECT_EQ(said.at("place"), "p.ini:5");
  EXPECT_EQ(said.at("holds"), false);
  EXPECT_NEAR(said.at("difference"), 1 - 2 * weight, 1e-8);
  EXPECT_NEAR(said.at("missing"), 0.001 + 2 * weight - 1, 1e-8);
  EXPECT_EQ(said.at("missing_alone"), 0);
}

TEST_F(Prefer, NamesWhatOtherWeightsChoose) {
  const Outcome outcome = prefer(
      "[maker Ana]\nsays = accuracy=70% macs=40M > accuracy=60% macs=30M\n", {"--max-macs", "60M"});
  EXPECT_THAT(outcome.out, HasSubstr("robust: no, other weights that meet the statements as well "
                                     "choose w0.250\n"));
}

TEST_F(Prefer, WarnsOfAMakerWhoContradictsThemself) {
  const Outcome outcome = prefer(
      "[maker Ana]\nsays = accuracy=80% macs=50M > w0.250\nsays = w0.250 > accuracy=90% "
      "macs=50M\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              HasSubstr("cannot hold with all else that maker \"Ana\" says; it misses"));
  EXPECT_THAT(outcome.out, HasSubstr("short by "));
}

TEST_F(Prefer, WarnsOfWhatLacksAFigure) {
  sweep_.rows[2].latency_median = std::numeric_limits<double>::quiet_NaN();
  write_sweep(folder_.path() / "sweep.h5", sweep_);
  const Outcome outcome =
      prefer("[maker Ana]\nsays = accuracy=70% latency=2ms > accuracy=60% latency=1ms\n");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err,
              HasSubstr("not considered: 1 sub-models that fit the budget and lack a figure"));
  EXPECT_THAT(outcome.out, HasSubstr("choice: w0.500"));
}

TEST_F(Prefer, RefusesWhatCannotBeAndLeavesTheChoice) {
  ASSERT_EQ(prefer(kEven).code, 0);
  const std::string before = contents(folder_.path() / "choice.ini");
  const auto refused = [&](const std::string& text, int code, const std::string& message,
                           const std::vector<std::string>& more = {}) {
    support::expect_refused({{}, code, message}, prefer(text, more));
  };
  refused("[maker Ana]\nsays = w0.600 > w0.500\n", 2, "p.ini:2: unknown sub-model \"w0.600\"");
  refused(
      "[maker Ana]\nsays = accuracy=80% macs=50M > accuracy=70% macs=40M\n"
      "says = accuracy=70% macs=40M ~ accuracy=80% macs=50M\n",
      2, "contradicts p.ini:2, which the same maker says; expected one");
  refused(kEven, 77, "no sub-model fits max-macs=60M min-accuracy=100.00%",
          {"--max-macs", "60M", "--min-accuracy", "100%"});
  RunFolder::refused({"select", "sweep.h5", "--prefer", "none.ini"}, 66, "none.ini");
  EXPECT_EQ(contents(folder_.path() / "choice.ini"), before);
}

}  // namespace
}  // namespace concertina
