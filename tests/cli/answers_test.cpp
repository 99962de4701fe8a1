// What needs no run: list, show, inspect --net, bench.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::Outcome;
using support::run_program;
using support::TempFolder;
using testing::HasSubstr;

Json json_of(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const Outcome outcome = run_program(arguments);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return Json::parse(outcome.out);
}

std::vector<std::string> names_of(const Json& entries) {
  std::vector<std::string> names;
  for (const Json& entry : entries) {
    names.push_back(entry.at("name"));
    EXPECT_FALSE(entry.at("summary").get<std::string>().empty()) << names.back();
  }
  return names;
}

TEST(List, GivesNamesAndSummaries) {
  EXPECT_THAT(names_of(json_of({"list", "nets"})),
              testing::IsSupersetOf({"slimmable-mobilenet-v1", "msdnet-a", "msdnet-e"}));
  EXPECT_THAT(names_of(json_of({"list", "recipes"})),
              testing::IsSupersetOf({"joint", "ipkd", "ipkd-ta", "ipkd-ta-dense", "sandwich"}));
  EXPECT_THAT(names_of(json_of({"list", "data"})),
              testing::IsSupersetOf({"cifar10", "cifar100", "idx", "shapes"}));
}

TEST(List, TakesRecipesFromTheFolderNamed) {
  const TempFolder folder;
  folder.write("mine.ini", "[recipe]\nsummary = my own\n");
  const Outcome outcome =
      run_program({"list", "recipes"}, ".", {"CONCERTINA_SCHEDULES=" + folder.string()});
  EXPECT_EQ(outcome.out, "name  summary\nmine  my own\n");
}

TEST(Show, RecipeIsTextThatReadsBack) {
  const Outcome first = run_program({"show", "recipe", "ipkd-ta"});
  EXPECT_THAT(first.out, HasSubstr("next-larger -> each"));
  const TempFolder folder;
  folder.write("copy.ini", first.out);
  EXPECT_EQ(run_program({"show", "recipe", "copy.ini"}, folder.path()).out, first.out);
}

TEST(Show, OrderOfAStep) {
  const Outcome outcome = run_program({"show", "recipe", "ipkd-ta", "--order"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("run w1.000\nadd label -> w1.000 : ce weight=1\n"
                                     "backward w1.000\nrun w0.750\n"));
  EXPECT_EQ(run_program({"show", "keys", "--order"}).code, 2);
}

TEST(Show, TextThatIsNotUtf8IsStillJson) {
  const TempFolder folder;
  folder.write("odd.ini", "[recipe]\nsummary = na\xefve\n");
  const Outcome outcome = run_program({"show", "recipe", "odd.ini", "--json"}, folder.path());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out).at("summary"), "na\xef\xbf\xbdve");
}

TEST(Show, NetAndKeysNameEveryOption) {
  const Json net = json_of({"show", "net", "msdnet"});
  EXPECT_EQ(net.at("options").at(0).at("name"), "blocks");
  const Json keys = json_of({"show", "keys"});
  EXPECT_EQ(keys.at(0).at("key"), "recipe.summary");
  EXPECT_THAT(run_program({"show", "keys"}).out, HasSubstr("optimizer.weight-decay"));
}

// docs/methods.md, MobileNet-V1 at 32x32.
TEST(Inspect, NetGivesThePublishedCosts) {
  const Json json = json_of({"inspect", "--net", "slimmable-mobilenet-v1"});
  EXPECT_EQ(json.at("net"), "slimmable-mobilenet-v1");
  ASSERT_EQ(json.at("submodels").size(), 4U);
  const Json& half = json.at("submodels").at(1);
  EXPECT_EQ(half.at("id"), "w0.500");
  EXPECT_EQ(half.at("width"), 0.5);
  EXPECT_EQ(half.at("exit"), 1);
  EXPECT_NEAR(half.at("macs").get<double>(), 12.2e6, 0.05e6);
  EXPECT_NEAR(half.at("params").get<double>(), 0.824e6, 0.0005e6);
  EXPECT_GT(half.at("bytes").get<double>(), 4 * half.at("params").get<double>());
  EXPECT_GT(half.at("peak_activation_bytes").get<double>(), 0);
  EXPECT_EQ(half.at("alone").at("macs"), half.at("macs"));  // one exit only
}

TEST(Inspect, ExitsCostLessAlone) {
  const Json json = json_of({"inspect", "--net", "msdnet-a", "--classes", "100"});
  const Json& last = json.at("submodels").back();
  EXPECT_EQ(last.at("id"), "w1.000-e7");
  EXPECT_LT(last.at("alone").at("macs"), last.at("macs"));
}

TEST(Inspect, NetOptionsAndLayersAreHonored) {
  const Json json = json_of({"inspect", "--net", "slimmable-mobilenet-v1", "--size", "28",
                             "--channels", "1", "--net-option", "widths=0.5-1", "--layers"});
  EXPECT_EQ(json.at("height"), 28);
  EXPECT_EQ(json.at("channels"), 1);
  EXPECT_EQ(json.at("submodels").size(), 2U);
  EXPECT_EQ(json.at("layers").at(0).at("kind"), "input");
  EXPECT_EQ(json.at("layers").back().at("kind"), "linear");
  EXPECT_EQ(json.at("layers").back().at("out_channels"), 10);
}

TEST(Bench, MeasuresAStepOfEitherEngine) {
  for (const std::string engine : {"plain", "fused", "auto"}) {
    const Json json = json_of({"bench", "step", "--net", "slimmable-mobilenet-v1-tiny", "--recipe",
                               "ipkd-ta", "--batch", "8", "--steps", "2", "--warm-up", "1",
                               "--threads", "2", "--precision", "fp32", "--engine", engine});
    EXPECT_GT(json.at("images_per_s").get<double>(), 0);
    EXPECT_GT(json.at("step_ms").get<double>(), 0);
    EXPECT_GT(json.at("peak_rss_bytes").get<double>(), 1e6);
    EXPECT_EQ(json.at("threads"), 2);
    EXPECT_EQ(json.at("batch"), 8);
    EXPECT_EQ(json.at("device"), "cpu");
    EXPECT_EQ(json.at("engine"), engine == "plain" ? "plain" : "fused");
  }
}

TEST(Bench, SaysWhereTheTimeGoes) {
  const Json json = json_of({"bench", "step", "--net", "slimmable-mobilenet-v1-tiny", "--batch",
                             "8", "--steps", "2", "--profile"});
  double share = 0;
  std::vector<std::string> layers;
  for (const Json& row : json.at("profile")) {
    share += row.at("share").get<double>();
    layers.push_back(row.at("layers"));
  }
  EXPECT_NEAR(share, 1, 1e-9);
  EXPECT_THAT(layers, testing::UnorderedElementsAre("conv 1x1", "conv 3x3", "depthwise 3x3", "head",
                                                    "the rest"));
  const Outcome table = run_program({"bench", "step", "--net", "msdnet-tiny", "--batch", "4",
                                     "--steps", "1", "--profile", "--quiet"});
  EXPECT_THAT(table.out, HasSubstr("conv 3x3")) << table.err;
}

TEST(Bench, MeasuresTheLatencyOfEverySubmodel) {
  const TempFolder folder;
  const auto csv = folder.path() / "here.csv", written = folder.path() / "here.json";
  const Json json =
      json_of({"bench", "latency", "--net", "msdnet-tiny", "--batch", "2", "--repetitions", "3",
               "--warm-up", "1", "--threads", "1", "--classes", "7", "--out", written.string()});
  EXPECT_EQ(json, Json::parse(support::contents(written)));
  EXPECT_EQ(json.at("net"), "msdnet-tiny");
  EXPECT_EQ(json.at("batch"), 2);
  EXPECT_EQ(json.at("repetitions"), 3);
  EXPECT_EQ(json.at("warm_up"), 1);
  EXPECT_EQ(json.at("threads"), 1);
  ASSERT_EQ(json.at("submodels").size(), 6U);
  for (const Json& row : json.at("submodels")) {
    EXPECT_GT(row.at("macs"), 0);
    EXPECT_GT(row.at("latency_min_s"), 0);
    EXPECT_LE(row.at("latency_min_s"), row.at("latency_median_s"));
    EXPECT_LE(row.at("latency_median_s"), row.at("latency_p95_s"));
    EXPECT_LE(row.at("latency_p95_s"), row.at("latency_max_s"));
  }
  const Outcome table = run_program({"bench", "latency", "--net", "msdnet-tiny", "--repetitions",
                                     "1", "--out", csv.string(), "--quiet"});
  EXPECT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("w0.500-e1"));
  EXPECT_THAT(support::contents(csv), HasSubstr("\nw1.000-e3,"));
}

TEST(Bench, MeasuresBfloat16WhereTheProcessorHasIt) {
  const Outcome outcome =
      run_program({"bench", "step", "--net", "slimmable-mobilenet-v1-tiny", "--batch", "8",
                   "--steps", "1", "--precision", "bf16", "--json"});
  if (outcome.code != 0) {
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr("this processor has no bfloat16 products"));
    return;
  }
  EXPECT_EQ(Json::parse(outcome.out).at("precision"), "bf16");
}

TEST(Train, PrintsItsRecipeInFull) {
  const Outcome outcome = run_program({"train", "--recipe", "ipkd-ta", "--epochs", "7", "--set",
                                       "optimizer.lr=0.25", "--seed", "9", "--print-recipe"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("epochs = 7\n"));
  EXPECT_THAT(outcome.out, HasSubstr("lr = 0.25\n"));
  EXPECT_THAT(outcome.out, HasSubstr("seed = 9\n"));
}

}  // namespace
}  // namespace concertina
