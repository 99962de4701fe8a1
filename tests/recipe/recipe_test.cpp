#include "concertina/recipe/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temp_folder.h"

#include "recipe/refusal.h"

namespace concertina {
namespace {

using support::TempFolder;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

std::string refused(const std::string& text, const Overrides& overrides = {}) {
  return refusal([&] { parse_recipe(text, "schedules/x.ini", overrides); });
}

TEST(Recipe, UnknownKeysAreRefusedWithPlaceAndNearest) {
  EXPECT_EQ(refused("\n\n\n\n\n[optimizer]\nlrr = 1\n"),
            "schedules/x.ini:7: unknown key \"optimizer.lrr\"; did you mean \"optimizer.lr\"?");
  EXPECT_EQ(refused("[train]\nlr = 1\n"),
            "schedules/x.ini:2: unknown key \"train.lr\"; did you mean \"optimizer.lr\"?");
  EXPECT_EQ(refused("[augment]\nzzzzzz = 1\n"),
            "schedules/x.ini:2: unknown key \"augment.zzzzzz\"; [augment] knows: crop-padding flip "
            "sensor sensor-noise");
  EXPECT_THAT(refused("[optimiser]\nlr = 1\n"),
              StartsWith("schedules/x.ini:2: unknown section \"optimiser\"; did you mean "
                         "\"optimizer\"?"));
}

TEST(Recipe, DuplicateKeysAreRefusedWithBothLines) {
  EXPECT_EQ(refused("[train]\nepochs = 1\nbatch = 2\nepochs = 3\n"),
            "schedules/x.ini:4: train.epochs is given twice; first on line 2");
}

TEST(Recipe, BadValuesAreRefusedWithPlace) {
  EXPECT_EQ(refused("[train]\nepochs = x\n"),
            "schedules/x.ini:2: train.epochs: expected an integer from 1 to 100000, found \"x\"");
  EXPECT_THAT(refused("[distill]\nedge = labl -> each : ce\n"),
              StartsWith("schedules/x.ini:2: distill.edge: edge \"labl -> each : ce\": unknown "
                         "teacher \"labl\"; did you mean \"label\"?"));
}

// What is inherited stays, and names what is not there any more.
TEST(Recipe, NamesThatAReplacedListTookAwayAreRefused) {
  const std::string teaching =
      "[distill]\nnode = teacher : external\nview = dark : gray\nstage = all : share=1\n"
      "node = crowd : mean-logits of=each,teacher\n"
      "edge = crowd -> each : kl reduction=sum t-power=0 gradient=through view=dark in=all\n"
      "edge = label -> each : ce\n";
  EXPECT_EQ(refused(teaching), "accepted");
  EXPECT_THAT(refused(teaching, {"distill.node=other : external"}),
              HasSubstr("unknown teacher \"crowd\""));
  EXPECT_THAT(refused(teaching, {"distill.node=crowd : external"}),
              HasSubstr("\"crowd\" is frozen; expected gradient=stop"));
  EXPECT_THAT(refused(teaching, {"distill.view=light : gray"}), HasSubstr("unknown view \"dark\""));
  EXPECT_THAT(refused(teaching, {"distill.stage=late : share=1"}),
              HasSubstr("unknown stage \"all\""));
}

TEST(Recipe, PairsNeedAnEvenBatch) {
  EXPECT_EQ(refused("", {"train.pairs=true", "train.batch=63"}),
            "setting train.batch=63: train.pairs needs an even batch, found 63");
  EXPECT_EQ(refused("", {"train.pairs=true"}), "accepted");
}

TEST(Recipe, OverridesWinAndTheLastOneCounts) {
  const Recipe recipe =
      parse_recipe("[train]\nepochs = 5\n", "x.ini", {"train.epochs=6", "train.epochs=7"});
  EXPECT_EQ(recipe.epochs, 7);
}

TEST(Recipe, BadOverridesAreShownAsGiven) {
  EXPECT_EQ(
      refused("", {"optimizer.lrr=1"}),
      "setting optimizer.lrr=1: unknown key \"optimizer.lrr\"; did you mean \"optimizer.lr\"?");
  for (const std::string bad : {"epochs", "epochs=3", "train.epochs", "", "="}) {
    EXPECT_EQ(refused("", {bad}), "setting " + bad + ": expected section.key=value");
  }
  EXPECT_THAT(refused("", {"recipe.extends=base"}),
              HasSubstr("a recipe is extended in a file only"));
}

TEST(Recipe, OverriddenEdgesReplaceTheList) {
  const Recipe recipe = parse_recipe(
      "[distill]\nedge = label -> each : ce\nedge = label -> full : ce\n", "x.ini",
      {"distill.edge=label -> each : ce weight=2", "distill.edge=label -> smallest : ce"});
  ASSERT_EQ(recipe.plan.edges.size(), 2U);
  EXPECT_EQ(schedule_text(recipe.plan.edges[0].weight), "2");
  EXPECT_EQ(recipe.plan.edges[1].student.role, Role::smallest);
}

TEST(Recipe, WithoutEdgesTheLabelTeachesEach) {
  const Recipe recipe = parse_recipe("", "x.ini");
  ASSERT_EQ(recipe.plan.edges.size(), 1U);
  EXPECT_EQ(edge_text(recipe.plan.edges[0]), "label -> each : ce weight=1");
}

TEST(Recipe, KeysThatDoNotGoTogetherAreRefused) {
  EXPECT_EQ(refused("[optimizer]\nnesterov = true\nmomentum = 0\n"),
            "schedules/x.ini:3: optimizer.momentum: Nesterov's form needs a momentum above 0");
  EXPECT_THAT(refused("[optimizer]\nschedule = multistep\n"),
              StartsWith("schedules/x.ini:2: optimizer.schedule: multistep needs"));
  EXPECT_THAT(refused("[distill]\nrandom-widths = 2\n"),
              StartsWith("schedules/x.ini:2: distill.random-widths: needs net.norm = calibrated"));
  EXPECT_THAT(
      refused("[distill]\nrandom-widths = 2\n[net]\nnorm = calibrated\nwidths = 1@4 1\n"),
      StartsWith("schedules/x.ini:2: distill.random-widths: needs net.widths without bits"));
}

TEST(Recipe, PlansThatCannotBeWalkedAreRefused) {
  EXPECT_THAT(
      refused("[distill]\nedge = label -> students : ce\n"),
      StartsWith("schedules/x.ini:2: distill.edge: the full sub-model learns from nothing"));
  const std::string ends = "[distill]\nedge = label -> full : ce\nedge = label -> smallest : ce\n";
  EXPECT_THAT(refused(ends), HasSubstr("no edge teaches the sub-models between"));
  EXPECT_EQ(refused(ends, {"net.widths=0.5 1"}), "accepted");
}

TEST(Recipe, NodesThatCannotWorkAreRefused) {
  const std::string mix = "[distill]\nnode = mix : attention of=students tap=feature\n";
  const std::string rest = "edge = label -> each : ce\n";
  const std::string kl = " : kl temperature=1 reduction=batchmean t-power=0 gradient=stop\n";
  EXPECT_EQ(refused(mix + rest + "edge = mix -> students" + kl), "accepted");
  EXPECT_THAT(refused(mix + rest + "edge = label -> mix : ce\n"),
              StartsWith("schedules/x.ini:2: distill.node: node \"mix\" pays attention for its "
                         "members, each by itself; it cannot learn"));
  EXPECT_THAT(refused(mix + "node = all : mean-logits of=mix,full\n" + rest),
              HasSubstr("it cannot be a member of \"all\""));
  EXPECT_THAT(refused(mix + "random-widths = 1\n" + rest + "[net]\nnorm = calibrated\n"),
              StartsWith("schedules/x.ini:3: distill.random-widths: goes with no gate"));
}

TEST(Recipe, StagesThatCannotWorkAreRefused) {
  const std::string stages =
      "[distill]\nstage = one : share=1\nstage = two : share=1\n"
      "node = copy : snapshot of=full at=two\nnode = both : mean-logits of=copy,smallest\n"
      "edge = label -> each : ce\n";
  const std::string edge =
      "edge = both -> students : kl temperature=1 reduction=batchmean t-power=0 gradient=stop";
  EXPECT_THAT(refused(stages + edge + "\n"), HasSubstr("acts before stage two, where \"copy\""));
  EXPECT_EQ(refused(stages + edge + " in=two\n"), "accepted");
  EXPECT_THAT(refused("[distill]\nstage = one : share=1\nstage = two : share=1 cut=0.5\n"
                      "edge = label -> each : ce\n"
                      "edge = full -> students : hint reduction=sum gradient=stop tap=stem\n"),
              HasSubstr("distill.stage: a stage that cuts channels goes with no criterion that "
                        "compares channel by channel"));
}

TEST(Recipe, TextAloneExtendsNothing) {
  EXPECT_THAT(refused("[recipe]\nextends = base\n"),
              StartsWith("schedules/x.ini:2: recipe.extends: only a recipe that is a file"));
}

TEST(Recipe, NameIsTheStem) { EXPECT_EQ(parse_recipe("", "runs/a/my.ini").name, "my"); }

TEST(Recipe, ExtendsGoesFromTheFarthestToTheNearest) {
  const TempFolder folder;
  folder.write("a.ini", "[recipe]\nsummary = A\n[train]\nepochs = 1\nbatch = 1\nseed = 1\n");
  folder.write("b.ini", "[recipe]\nextends = a\n[train]\nbatch = 2\nseed = 2\n");
  folder.write("c.ini", "[recipe]\nextends = b\n[train]\nseed = 3\n");
  const Recipe recipe = load_recipe("c", folder.path(), {"train.validation=4"});
  EXPECT_EQ(recipe.epochs, 1);
  EXPECT_EQ(recipe.batch, 2);
  EXPECT_EQ(recipe.seed, 3U);
  EXPECT_EQ(recipe.validation, 4);
  EXPECT_EQ(recipe.name, "c");
  EXPECT_EQ(recipe.summary, "");
}

TEST(Recipe, AnyEdgeReplacesTheInheritedList) {
  const TempFolder folder;
  folder.write("a.ini", "[distill]\nedge = label -> each : ce\nedge = label -> full : ce\n");
  folder.write("b.ini", "[recipe]\nextends = a\n[distill]\nedge = label -> each : ce weight=3\n");
  folder.write("c.ini", "[recipe]\nextends = a\n");
  EXPECT_EQ(load_recipe("b", folder.path()).plan.edges.size(), 1U);
  EXPECT_EQ(load_recipe("c", folder.path()).plan.edges.size(), 2U);
}

TEST(Recipe, AFileOutsideTheFolderExtendsByNameOrByPath) {
  const TempFolder folder;
  folder.write("shipped/ipkd.ini", "[train]\nepochs = 11\n");
  folder.write("mine/ipkd.ini", "[recipe]\nextends = ipkd\n[train]\nbatch = 3\n");
  folder.write("mine/more.ini", "[recipe]\nextends = ./ipkd.ini\n[train]\nseed = 9\n");
  const Recipe recipe = load_recipe((folder / "mine/more.ini").string(), folder / "shipped");
  EXPECT_EQ(recipe.epochs, 11);
  EXPECT_EQ(recipe.batch, 3);
  EXPECT_EQ(recipe.seed, 9U);
}

TEST(Recipe, CirclesAreRefused) {
  const TempFolder folder;
  const std::string a = folder.write("a.ini", "[recipe]\nextends = b\n").string();
  const std::string b = folder.write("b.ini", "[recipe]\nextends = a\n").string();
  EXPECT_EQ(refusal([&] { load_recipe("a", folder.path()); }),
            b + ":2: recipe.extends: a circle: " + a + " -> " + b + " -> " + a);
}

TEST(Recipe, WhatIsNotThereIsNamedWithTheNearest) {
  const TempFolder folder;
  const std::string a = folder.write("joint.ini", "[recipe]\nextends = bass\n").string();
  folder.write("base.ini", "");
  folder.write("far.ini", "[recipe]\nextends = no/far.ini\n");
  const auto load = [&](const std::string& name) {
    return refusal<NoInputError>([&] { load_recipe(name, folder.path()); });
  };
  EXPECT_EQ(load("jiont"),
            "unknown recipe \"jiont\"; did you mean \"joint\"? known: base far joint");
  EXPECT_THAT(load("joint"), StartsWith(a + ":2: recipe.extends: unknown recipe \"bass\"; did you "
                                            "mean \"base\"?"));
  EXPECT_THAT(load("far"), HasSubstr(":2: recipe.extends: no file \""));
  EXPECT_THAT(load(std::string(5000, 'x')), StartsWith("unknown recipe \"xxx"));
  EXPECT_THAT(load("./gone.ini"), HasSubstr("gone.ini"));
}

TEST(Recipe, NamesAreTheFilesOfTheFolder) {
  const TempFolder folder;
  folder.write("b.ini", "");
  folder.write("a.ini", "");
  folder.write("c.txt", "");
  EXPECT_THAT(recipe_names(folder.path()), ElementsAre("a", "b"));
  EXPECT_THAT(refusal<NoInputError>([&] { recipe_names(folder / "gone"); }), HasSubstr("gone"));
}

}  // namespace
}  // namespace concertina
