#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/recipe/recipe.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The line of the canonical text after `setting`, "section.key=value".
std::string printed(const std::string& setting) {
  const Overrides settings = {"net.norm=calibrated", "optimizer.milestones=0.5", setting};
  const std::string text = "\n" + print_recipe(parse_recipe("", "x.ini", settings));
  const std::size_t dot = setting.find('.');
  const std::string key = setting.substr(dot + 1, setting.find('=') - dot - 1);
  const std::size_t at = text.find("\n" + key + " = ");
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

std::string refused(const std::string& setting) {
  return refusal([&] { parse_recipe("", "x.ini", {setting}); });
}

TEST(Keys, SayEverythingAHelpTextNeeds) {
  std::set<std::string> names;
  for (const RecipeKey& key : recipe_keys()) {
    EXPECT_TRUE(names.insert(key.section + "." + key.name).second) << key.name;
    EXPECT_FALSE(key.type.empty()) << key.name;
    EXPECT_FALSE(key.range.empty()) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
  }
}

TEST(Keys, FallbacksAreTheDefaultsOfTheStruct) {
  std::string defaults;
  for (const RecipeKey& key : recipe_keys()) {
    if (!key.fallback.empty()) defaults += key.name + " = " + key.fallback + "\n";
  }
  EXPECT_THAT(defaults, HasSubstr("epochs = 30\n"));
  EXPECT_THAT(defaults, HasSubstr("weight-decay = 0.0001\n"));
  EXPECT_THAT(defaults, HasSubstr("schedule = cosine\n"));
  EXPECT_THAT(defaults, HasSubstr("edge = label -> each : ce weight=1\n"));
}

TEST(Keys, EveryKeySetsItsOwnValue) {
  const char* const settings[] = {"recipe.summary=a # b",
                                  "net.widths=1 0.25,0.5",
                                  "net.norm=calibrated",
                                  "net.gradient=equilibrium",
                                  "net.norm-momentum=0.02",
                                  "train.epochs=7",
                                  "train.batch=8",
                                  "train.validation=0",
                                  "train.seed=9223372036854775807",
                                  "train.checkpoint-every=3",
                                  "train.best=worst",
                                  "train.pairs=true",
                                  "optimizer.lr=0.3",
                                  "optimizer.schedule=multistep",
                                  "optimizer.warmup-epochs=1.5",
                                  "optimizer.gamma=0.97",
                                  "optimizer.milestones=0.3 0.6",
                                  "optimizer.final-lr=0.001",
                                  "optimizer.momentum=0.8",
                                  "optimizer.nesterov=false",
                                  "optimizer.weight-decay=0.0005",
                                  "optimizer.decay-on=all",
                                  "optimizer.replays=2",
                                  "optimizer.sparsity=0.001",
                                  "optimizer.proximal=filters",
                                  "optimizer.proximal-weight=0.01",
                                  "augment.crop-padding=2",
                                  "augment.flip=0",
                                  "augment.sensor=gray",
                                  "augment.sensor-noise=0.2",
                                  "distill.stage=late : share=0.5",
                                  "distill.view=dark : gray noise=0.1",
                                  "distill.node=crowd : mean-logits of=each",
                                  "distill.edge=label -> each : ce weight=2",
                                  "distill.losses=mean",
                                  "distill.random-widths=3",
                                  "distill.calibration-images=512",
                                  "distill.calibration-batch=64"};
  EXPECT_EQ(std::size(settings), recipe_keys().size() - 1);  // all but recipe.extends
  for (const std::string setting : settings) {
    const std::string value = setting.substr(setting.find('=') + 1);
    const std::string shown = value == "a # b"        ? "\"a # b\""
                              : value == "1 0.25,0.5" ? "0.25 0.5 1"
                                                      : value;
    EXPECT_THAT(printed(setting),
                StartsWith(setting.substr(setting.find('.') + 1,
                                          setting.find('=') - setting.find('.') - 1) +
                           " = " + shown));
  }
}

TEST(Keys, ValuesOutOfRangeOrOfTheWrongTypeAreRefused) {
  const char* const settings[] = {"net.widths=0.5",
                                  "net.widths=",
                                  "net.widths=0.5 0.5 1",
                                  "net.widths=2 1",
                                  "net.widths=0.5 x 1",
                                  "net.norm=batch",
                                  "net.norm-momentum=0",
                                  "train.epochs=0",
                                  "train.epochs=1.5",
                                  "train.epochs=",
                                  "train.epochs=3 ep",
                                  "train.batch=65537",
                                  "train.validation=-1",
                                  "train.seed=-1",
                                  "train.seed=9223372036854775808",
                                  "train.checkpoint-every=0",
                                  "train.best=last",
                                  "optimizer.lr=x",
                                  "optimizer.lr=nan",
                                  "optimizer.lr=inf",
                                  "optimizer.lr=-0.1",
                                  "optimizer.lr=101",
                                  "optimizer.schedule=step",
                                  "optimizer.warmup-epochs=-1",
                                  "optimizer.gamma=1.1",
                                  "optimizer.milestones=0.5 0.5",
                                  "optimizer.milestones=0.7 0.2",
                                  "optimizer.milestones=1.5",
                                  "optimizer.final-lr=-1",
                                  "optimizer.momentum=1",
                                  "optimizer.nesterov=maybe",
                                  "optimizer.weight-decay=2",
                                  "optimizer.decay-on=none",
                                  "augment.crop-padding=65",
                                  "augment.flip=1.01",
                                  "distill.edge=label",
                                  "distill.random-widths=17",
                                  "distill.random-widths=-1",
                                  "distill.calibration-images=1",
                                  "distill.calibration-batch=1",
                                  "recipe.summary=a\nb"};
  for (const std::string setting : settings) {
    EXPECT_THAT(refused(setting), StartsWith("setting " + setting + ": ")) << setting;
  }
}

TEST(Keys, RefusalsSayWhatIsExpectedAndFound) {
  EXPECT_EQ(refused("train.epochs=0"),
            "setting train.epochs=0: expected an integer from 1 to 100000, found \"0\"");
  EXPECT_EQ(refused("optimizer.lr=x"),
            "setting optimizer.lr=x: expected a number from 0 to 100, found \"x\"");
  EXPECT_EQ(
      refused("optimizer.schedule=cosin"),
      "setting optimizer.schedule=cosin: expected one of constant multistep exponential linear "
      "cosine one-cycle, found \"cosin\"; did you mean \"cosine\"?");
}

}  // namespace
}  // namespace concertina
