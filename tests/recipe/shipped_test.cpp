// The recipes in schedules/ and their page, docs/recipes.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/file.h"
#include "concertina/recipe/recipe.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::filesystem::path kSource = CONCERTINA_SOURCE_DIR;
const std::filesystem::path kFolder = kSource / "schedules";

Recipe load(const std::string& name) { return load_recipe(name, kFolder); }

std::vector<std::string> edges(const Recipe& recipe) {
  std::vector<std::string> out;
  for (const Edge& edge : recipe.plan.edges) out.push_back(edge_text(edge));
  return out;
}

TEST(Shipped, AllAreThere) {
  EXPECT_THAT(recipe_names(kFolder),
              ElementsAre("alpha-divergence", "ard", "base", "cross-layer", "dgkd", "dkd", "dml",
                          "dynamic-temperature", "ekd", "fast-ard", "growing-assistant", "hinton",
                          "imta", "information-flow", "ipkd", "ipkd-ta", "ipkd-ta-dense",
                          "ipkd-ta-short", "ipkd-ta-top", "joint", "lma", "msdnet",
                          "network-slimming", "nonn", "nonn-redundant", "ofa", "okddip", "one",
                          "quick", "robust-compression", "s-net", "sandwich", "sensor-transition",
                          "siamese-transfer", "switchable-precision", "takd", "us-net"));
}

TEST(Shipped, EachPrintsBackTheSame) {
  for (const std::string& name : recipe_names(kFolder)) {
    const std::string text = print_recipe(load(name));
    EXPECT_EQ(print_recipe(parse_recipe(text, name)), text);
    EXPECT_THAT(text, testing::Not(HasSubstr("extends =")));
  }
}

TEST(Shipped, EachHasASummaryOfItsOwn) {
  for (const std::string& name : recipe_names(kFolder)) {
    const Recipe recipe = load(name);
    EXPECT_FALSE(recipe.summary.empty()) << name;
    EXPECT_LE(recipe.summary.size(), 90U) << name;
    EXPECT_EQ(recipe.name, name);
  }
}

TEST(Shipped, EachCanBeWalkedOnWidthsAndExits) {
  const std::vector<Width> listed = {Width::parse("0.25"), Width::parse("0.5"), Width()};
  for (const std::string& name : recipe_names(kFolder)) {
    const Recipe recipe = load(name);
    for (const int exits : {1, 7}) {
      const PlanStep step = plan_step(recipe, listed, exits, 5, 10);
      EXPECT_GE(recipe.plan.loss_terms(step).size(), step.active.size()) << name;
    }
  }
}

TEST(Shipped, BaseIsTheDefaults) {
  Recipe base = load("base");
  base.summary.clear();
  EXPECT_EQ(print_recipe(base), print_recipe(parse_recipe("", "x.ini")));
}

TEST(Shipped, EdgesAreThoseOfTheMethods) {
  const std::string label = "label -> each : ce weight=1";
  const std::string soft =
      " : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop";
  EXPECT_THAT(edges(load("joint")), ElementsAre(label));
  EXPECT_THAT(edges(load("ipkd")), ElementsAre(label, "full -> students" + soft));
  EXPECT_THAT(edges(load("ipkd-ta-dense")), ElementsAre(label, "larger -> each" + soft));
  for (const std::string name : {"ipkd-ta", "ipkd-ta-short", "quick"}) {
    EXPECT_THAT(edges(load(name)), ElementsAre(label, "next-larger -> each" + soft));
  }
  EXPECT_THAT(edges(load("sandwich")),
              ElementsAre("label -> full : ce weight=1",
                          "full -> students : soft-ce weight=1 temperature=1 reduction=batchmean "
                          "t-power=0 gradient=stop"));
}

TEST(Shipped, SNetFollowsThePublishedSchedule) {  // docs/methods.md, MobileNet-V1
  const Recipe recipe = load("s-net");
  const std::int64_t steps = 281;
  EXPECT_DOUBLE_EQ(recipe.lr.at(0, recipe.epochs * steps, steps), 0.045);
  EXPECT_NEAR(recipe.lr.at(100 * steps, recipe.epochs * steps, steps), 0.045 * 0.13261955589475,
              1e-12);
  EXPECT_EQ(recipe.epochs, 480);
  EXPECT_EQ(recipe.batch, 160);
  EXPECT_TRUE(recipe.nesterov);
  EXPECT_EQ(recipe.decay_on, DecayOn::weights);
}

TEST(Shipped, USNetFollowsThePublishedSchedule) {  // docs/methods.md, MobileNet-V1
  const Recipe recipe = load("us-net");
  EXPECT_DOUBLE_EQ(recipe.lr.at(0, recipe.epochs * 40, 40), 0.5);
  EXPECT_NEAR(recipe.lr.at(5000, recipe.epochs * 40, 40), 0.25, 1e-12);
  EXPECT_EQ(recipe.batch, 1024);
  EXPECT_EQ(recipe.norm, NormMode::calibrated);
  EXPECT_EQ(recipe.random_widths, 2);
}

TEST(Shipped, MsdnetFollowsThePublishedSchedule) {  // docs/methods.md, MSDNet
  const Recipe recipe = load("msdnet");
  EXPECT_DOUBLE_EQ(recipe.lr.at(150 * 700 - 1, recipe.epochs * 700, 700), 0.1);
  EXPECT_NEAR(recipe.lr.at(150 * 700, recipe.epochs * 700, 700), 0.01, 1e-12);
  EXPECT_NEAR(recipe.lr.at(225 * 700, recipe.epochs * 700, 700), 0.001, 1e-12);
  EXPECT_EQ(recipe.epochs, 300);
  EXPECT_EQ(recipe.batch, 64);
  EXPECT_FALSE(recipe.nesterov);
  EXPECT_EQ(recipe.decay_on, DecayOn::all);
}

TEST(RecipesPage, HoldsEveryRowOfTheTableOfKeys) {
  const std::string page = read_file(kSource / "docs" / "recipes.md");
  for (const RecipeKey& key : recipe_keys()) {
    EXPECT_THAT(page, HasSubstr("| `" + key.section + "." + key.name + "` | " + key.type + " | " +
                                key.range + " | " + key.unit + " | " + key.fallback + " | " +
                                key.help + " |"));
  }
}

TEST(RecipesPage, HoldsEveryShippedRecipe) {
  const std::string page = read_file(kSource / "docs" / "recipes.md");
  for (const std::string& name : recipe_names(kFolder)) {
    EXPECT_THAT(page, HasSubstr("| `" + name + "` | " + load(name).summary + " |"));
  }
}

}  // namespace
}  // namespace concertina
