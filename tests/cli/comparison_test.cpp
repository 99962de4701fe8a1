// What a comparison makes of runs that are given here as numbers.
#include "concertina/experiment/comparison.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "options/seeds.h"
#include "output/comparison_results.h"

namespace concertina::cli {
namespace {

using namespace experiment;

using testing::ElementsAre;
using testing::HasSubstr;

ComparedSubmodel submodel(const std::string& id, double accuracy) {
  ComparedSubmodel one;
  one.id = id;
  one.macs = 1000;
  one.validation = Evaluation{3, id, "validation", 1.5, accuracy, 0, 0};
  return one;
}

ComparedRun finished(const std::string& recipe, std::uint64_t seed,
                     const std::vector<ComparedSubmodel>& submodels, double rate = 100) {
  ComparedRun run;
  run.name = recipe + "-s" + std::to_string(seed);
  run.recipe = recipe;
  run.seed = seed;
  run.epochs = 3;
  run.status = RunStatus::finished;
  run.submodels = submodels;
  run.images_per_s = rate;
  run.environment = "threads = 1\nprocessor = P\ndevice = cpu\n";
  return run;
}

ComparedRun without_figures(const std::string& recipe, std::uint64_t seed, RunStatus status) {
  ComparedRun run = finished(recipe, seed, {}, kUnknown);
  run.status = status;
  run.environment.clear();
  return run;
}

Comparison comparison(const std::vector<ComparedRun>& runs) {
  Comparison result;
  result.runs = runs;
  result.net = "net";
  result.data = "shapes";
  return result;
}

const Figure& validation() { return figures().front(); }

ComparedRow row(const Comparison& all, const std::string& id, const std::string& recipe) {
  for (const ComparedRow& one : compare(all, validation())) {
    if (one.submodel == id && one.recipe == recipe) return one;
  }
  ADD_FAILURE() << "no row of " << id << " and " << recipe;
  return {};
}

// Seeds differ by 10 points, recipes by 1, 2 and 3: the pairs see it, the deviations do not.
Comparison three_seeds() {
  return comparison({finished("a", 1, {submodel("w0.500", 0.50), submodel("w1.000", 0.70)}),
                     finished("b", 1, {submodel("w0.500", 0.51), submodel("w1.000", 0.70)}),
                     finished("a", 2, {submodel("w0.500", 0.60), submodel("w1.000", 0.70)}),
                     finished("b", 2, {submodel("w0.500", 0.62), submodel("w1.000", 0.70)}),
                     finished("a", 3, {submodel("w0.500", 0.70), submodel("w1.000", 0.70)}),
                     finished("b", 3, {submodel("w0.500", 0.73), submodel("w1.000", 0.70)})});
}

TEST(Comparison, PairsRunsOfOneSeed) {
  const ComparedRow b = row(three_seeds(), "w0.500", "b");
  EXPECT_EQ(b.spread.count, 3U);
  EXPECT_NEAR(b.spread.mean, 0.62, 1e-12);
  EXPECT_NEAR(b.spread.deviation, 0.11, 1e-12);
  EXPECT_EQ(b.difference.count, 3U);
  EXPECT_NEAR(b.difference.mean, 0.02, 1e-12);
  EXPECT_NEAR(b.difference.standard_error, 0.01 / std::sqrt(3), 1e-12);
  EXPECT_NEAR(b.difference.low, 0.02 - 4.302653 * 0.01 / std::sqrt(3), 1e-8);
  EXPECT_EQ(row(three_seeds(), "w0.500", "a").difference.count, 0U);
}

TEST(Comparison, MeanOverSubModelsIsTakenBeforeTheSeeds) {
  const ComparedRow mean = row(three_seeds(), "mean", "b");
  EXPECT_NEAR(mean.spread.mean, 0.66, 1e-12);
  EXPECT_NEAR(mean.spread.deviation, 0.055, 1e-12);
  EXPECT_NEAR(mean.difference.mean, 0.01, 1e-12);
  EXPECT_NEAR(mean.difference.standard_error, 0.005 / std::sqrt(3), 1e-12);
}

TEST(Comparison, LeavesOutWhatDivergedOrIsToDoWithItsPair) {
  Comparison all = three_seeds();
  all.runs[1] = without_figures("b", 1, RunStatus::diverged);
  all.runs[4] = without_figures("a", 3, RunStatus::to_do);
  EXPECT_EQ(row(all, "w0.500", "a").spread.count, 2U);
  const ComparedRow b = row(all, "w0.500", "b");
  EXPECT_EQ(b.spread.count, 2U);
  EXPECT_EQ(b.difference.count, 1U);
  EXPECT_NEAR(b.difference.mean, 0.02, 1e-12);
  EXPECT_EQ(row(all, "mean", "b").spread.count, 2U);
  const Json json = Json::parse(json_text(comparison_json(all)));
  EXPECT_EQ(json["runs"][1]["status"], "diverged");
  EXPECT_EQ(json["runs"][4]["status"], "to do");
  EXPECT_EQ(json["recipes"][1]["diverged"], 1);
  EXPECT_EQ(json["figures"][0]["rows"][1]["difference"]["seeds"], 1);
  EXPECT_TRUE(json["figures"][0]["rows"][1]["difference"]["low"].is_null());
}

TEST(Comparison, OfOtherWidthsComparesWhatBothHave) {
  const Comparison all = comparison(
      {finished("a", 1, {submodel("w0.500", 0.5), submodel("w1.000", 0.7)}),
       finished("b", 1,
                {submodel("w0.250", 0.3), submodel("w0.500", 0.6), submodel("w1.000", 0.9)})});
  EXPECT_EQ(row(all, "w0.250", "a").spread.count, 0U);
  EXPECT_EQ(row(all, "w0.250", "b").difference.count, 0U);
  EXPECT_NEAR(row(all, "mean", "b").spread.mean, 0.75, 1e-12);  // of 0.6 and 0.9
  EXPECT_NEAR(row(all, "mean", "b").difference.mean, 0.15, 1e-12);
}

TEST(Comparison, OfOneSubModelHasNoMean) {
  const Comparison all = comparison({finished("a", 1, {submodel("w1.000", 0.5)})});
  EXPECT_EQ(compare(all, validation()).size(), 1U);
  EXPECT_TRUE(compare(all, figures().back()).empty());  // no test images
}

TEST(Comparison, TimesAreRatiosOfPairsInOneEnvironment) {
  Comparison all =
      comparison({finished("a", 1, {}, 100), finished("b", 1, {}, 50), finished("a", 2, {}, 300),
                  finished("b", 2, {}, 100), finished("a", 3, {}, 100), finished("b", 3, {}, 1)});
  all.runs[5].environment = "threads = 2\n";
  const std::vector<RecipeTime> times = recipe_times(all);
  EXPECT_EQ(times[0].images_per_s, 100);
  EXPECT_EQ(times[0].relative_time, 1);
  EXPECT_EQ(times[1].images_per_s, 50);
  EXPECT_EQ(times[1].relative_time, 2.5);  // the median of 2 and 3
  EXPECT_THAT(comparison_text(all), HasSubstr("in different environments"));
}

TEST(Comparison, IsATableForTheTerminalAndForMarkdown) {
  const std::string text = comparison_text(three_seeds());
  EXPECT_THAT(text, HasSubstr("a, b on net, shapes, seeds 1 2 3\n"));
  EXPECT_THAT(text, HasSubstr("measured on P, 1 threads, cpu\n"));
  EXPECT_THAT(text, HasSubstr("\nvalidation accuracy after the last epoch\n"));
  EXPECT_THAT(text, HasSubstr("w0.500     b           3  62.00%      11.00       +2.00   0.58  "
                              "-0.48 to +4.48\n"));
  const std::string markdown = comparison_markdown(three_seeds());
  EXPECT_THAT(markdown, HasSubstr("| sub-model | recipe | seeds | mean | deviation | difference | "
                                  "error | 95% interval |\n|---|---|---:|---:|---:|---:|---:|---:|"
                                  "\n| w0.500 | a | 3 | 60.00% | 10.00 |  |  |  |\n| w0.500 | b | "
                                  "3 | 62.00% | 11.00 | +2.00 | 0.58 | -0.48 to +4.48 |\n"));
}

TEST(Seeds, AreHowManyOrWhich) {
  EXPECT_THAT(parse_seeds("3"), ElementsAre(1, 2, 3));
  EXPECT_THAT(parse_seeds("1,5,9"), ElementsAre(1, 5, 9));
  EXPECT_THAT(parse_seeds("7, 0"), ElementsAre(7, 0));
  EXPECT_THROW(parse_seeds("1 2"), UsageError);
}

}  // namespace
}  // namespace concertina::cli
