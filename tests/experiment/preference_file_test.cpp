#include "concertina/experiment/preference_file.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"

namespace concertina::experiment {
namespace {

using testing::ElementsAre;

std::vector<Measurement> rows() {
  std::vector<Measurement> made(2);
  made[0].id = "w0.500";
  made[0].accuracy = 0.8;
  made[0].cost.macs = 12;
  made[1].id = "w1.000";
  made[1].accuracy = 0.9;
  made[1].cost.macs = 40;
  return made;
}

Preferences read(const std::string& text) { return parse_preferences(text, "p.ini", rows()); }

double figure(const Alternative& alternative, Attribute attribute) {
  return alternative.figures[static_cast<std::size_t>(attribute)];
}

TEST(PreferenceFile, HasMakersAndWhatTheySay) {
  const Preferences found = read(
      "# what matters\n"
      "[preferences]\nattributes = macs latency\nmargin = 0.01\nscale = log\nsum = free\n"
      "[maker Ana B]\nimportance = 2\nsays = accuracy=90% latency=4ms ~ accuracy=0.88 latency=2ms\n"
      "[maker Bob]\nsays = w1.000 > w0.500\n");
  EXPECT_THAT(found.attributes, ElementsAre(Attribute::macs, Attribute::latency));
  EXPECT_EQ(found.margin, 0.01);
  EXPECT_EQ(found.scale, CostScale::log);
  EXPECT_EQ(found.sum, WeightSum::free);
  ASSERT_EQ(found.makers.size(), 2U);
  EXPECT_EQ(found.makers[0].name, "Ana B");
  EXPECT_EQ(found.makers[0].importance, 2);
  EXPECT_EQ(found.makers[1].importance, 1);
  const Statement& equal = found.makers[0].statements.at(0);
  EXPECT_TRUE(equal.equal);
  EXPECT_EQ(equal.place, "p.ini:9");
  EXPECT_EQ(equal.text, "accuracy=90% latency=4ms ~ accuracy=0.88 latency=2ms");
  EXPECT_EQ(figure(equal.left, Attribute::accuracy), 0.9);
  EXPECT_EQ(figure(equal.left, Attribute::latency), 0.004);
  EXPECT_TRUE(std::isnan(figure(equal.left, Attribute::macs)));
  EXPECT_EQ(figure(equal.right, Attribute::accuracy), 0.88);
  EXPECT_FALSE(equal.left.submodel);
  const Statement& greater = found.makers[1].statements.at(0);
  EXPECT_FALSE(greater.equal);
  EXPECT_TRUE(greater.left.submodel && greater.right.submodel);
  EXPECT_EQ(figure(greater.left, Attribute::macs), 40);
  EXPECT_EQ(figure(greater.right, Attribute::accuracy), 0.8);
}

TEST(PreferenceFile, TakesARankingAsItsNeighbors) {
  const Preferences found =
      read("[maker A]\nsays = w0.500>accuracy=70%  bytes=64MiB ~ w1.000\nsays = w1.000 > w0.500\n");
  const std::vector<Statement>& statements = found.makers.at(0).statements;
  ASSERT_EQ(statements.size(), 3U);
  EXPECT_EQ(statements[0].text, "w0.500 > accuracy=70% bytes=64MiB");
  EXPECT_EQ(statements[1].text, "accuracy=70% bytes=64MiB ~ w1.000");
  EXPECT_TRUE(statements[1].equal && !statements[0].equal);
  EXPECT_EQ(figure(statements[1].left, Attribute::bytes), 64 * 1024 * 1024);
  EXPECT_EQ(statements[2].place, "p.ini:3");
}

struct Broken {
  std::string text, message;
};

const std::string kForm = "attribute=value, as in accuracy=90% macs=20M";

TEST(PreferenceFile, ThatCannotBeReadIsRefusedWithItsLine) {
  const std::string maker = "[maker A]\nsays = ", other = " > w0.500\n";
  const std::vector<Broken> table = {
      {"[makers A]\nsays = a\n",
       "p.ini:2: section [makers A]; expected [preferences] or [maker NAME]"},
      {"[maker]\nsays = a\n", "p.ini:2: section [maker]; expected [preferences] or [maker NAME]"},
      {"[maker A]\nsay = a\n",
       "p.ini:2: unknown key \"say\"; did you mean \"says\"? known: importance says"},
      {"[preferences]\nmargn = 1\n",
       "p.ini:2: unknown key \"margn\"; did you mean \"margin\"? known: attributes margin scale "
       "sum"},
      {"[preferences]\nmargin = 0\n", "p.ini:2: margin \"0\"; expected 0.000001 to 1"},
      {"[preferences]\nmargin = 1\nmargin = 1\n",
       "p.ini:3: margin is given twice; first on line 2"},
      {"[preferences]\nscale = exp\n", "p.ini:2: unknown scale \"exp\"; known: linear log"},
      {"[preferences]\nsum = two\n", "p.ini:2: unknown sum \"two\"; known: one free"},
      {"[preferences]\nattributes = macs size\n",
       "p.ini:2: unknown attribute \"size\"; known: accuracy macs params bytes memory latency"},
      {"[maker A]\nimportance = -1\n",
       "p.ini:2: importance \"-1\"; expected 0 (as if absent), or 0.01 to 100"},
      {"[maker A]\nimportance = 0.001\n",
       "p.ini:2: importance \"0.001\"; expected 0 (as if absent), or 0.01 to 100"},
      {"[maker A]\nimportance = 1\nimportance = 1\n",
       "p.ini:3: importance is given twice; first on line 2"},
      {"[maker A]\nimportance = 1\n", "p.ini: maker \"A\" says nothing; expected says = A > B"},
      {"", "p.ini: no maker of an importance above 0; expected [maker NAME] with says"},
      {"[maker A]\nimportance = 0\nsays = w0.500 > w1.000\n",
       "p.ini: no maker of an importance above 0; expected [maker NAME] with says"},
      {maker + "w0.500\n",
       "p.ini:2: \"w0.500\"; expected two alternatives with > (preferred) or ~ (equal) between"},
      {maker + "> w0.500\n", "p.ini:2: an alternative is empty; expected a sub-model, or " + kForm},
      {maker + "w0.600" + other,
       "p.ini:2: unknown sub-model \"w0.600\"; did you mean \"w0.500\"? known: w0.500 w1.000"},
      {maker + "w1.000 small" + other,
       "p.ini:2: \"w1.000 small\"; expected one sub-model, or " + kForm},
      {maker + "w1.000 macs=3" + other,
       "p.ini:2: \"w1.000\" in \"w1.000 macs=3\"; expected " + kForm},
      {maker + "mac=3" + other,
       "p.ini:2: unknown attribute \"mac\"; did you mean \"macs\"? known: accuracy macs params "
       "bytes memory latency"},
      {maker + "macs=3 macs=4" + other, "p.ini:2: macs is given twice in \"macs=3 macs=4\""},
      {maker + "latency=4" + other,
       "p.ini:2: latency: \"4\" is not a time with its unit; expected for example 4ms"}};
  for (const Broken& broken : table) {
    try {
      read(broken.text);
      FAIL() << "accepted: " << broken.text;
    } catch (const UsageError& error) {
      EXPECT_EQ(error.what(), broken.message);
    }
  }
}

TEST(PreferenceFile, OfTooManyStatementsIsRefused) {
  std::string text = "[maker A]\n";
  for (int i = 0; i < 50; ++i) text += "says = w1.000 > w0.500 > w1.000\n";
  EXPECT_EQ(read(text).makers.at(0).statements.size(), 100U);
  text += "says = w1.000 > w0.500\n";
  EXPECT_THROW(read(text), UsageError);
}

}  // namespace
}  // namespace concertina::experiment
