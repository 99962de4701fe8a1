// concertina compare: the runs that it makes, its tables, and how it is interrupted and continued.
#include <signal.h>

#include <chrono>
#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::Outcome;
using support::Program;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

std::vector<std::string> comparing(const std::string& out,
                                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"compare",
                                        "--net",
                                        "slimmable-mobilenet-v1-tiny",
                                        "--data",
                                        "shapes",
                                        "--limit",
                                        "200",
                                        "--batch",
                                        "32",
                                        "--threads",
                                        "1",
                                        "--out",
                                        out,
                                        "--seeds",
                                        "1,2",
                                        "--set",
                                        "optimizer.schedule=constant",
                                        "--set",
                                        "optimizer.lr=0.02"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<std::string> joint_and_ipkd(const std::string& out,
                                        const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = comparing(out, {"--recipes", "joint,ipkd", "--epochs", "1"});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

const std::vector<std::string> kRuns = {"joint-s1", "ipkd-s1", "joint-s2", "ipkd-s2"};

class Compare : public support::RunFolder {
 protected:
  void compare(const std::vector<std::string>& arguments) const {
    const Outcome outcome = run(arguments);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  // compare.json without what it measured.
  Json figures(const std::string& folder) const {
    Json json = Json::parse(contents(folder_ / (folder + "/compare.json")));
    json.erase("times");
    return json;
  }
  void expect_same(const std::string& folder, const std::string& other) const {
    EXPECT_EQ(figures(folder), figures(other));
    for (const std::string& name : kRuns) {
      EXPECT_TRUE(contents(folder_ / (folder + "/" + name + "/run.h5")) ==
                  contents(folder_ / (other + "/" + name + "/run.h5")))
          << name;
    }
  }
  // The last accuracy of a run's sub-model, as the run says itself.
  double accuracy(const std::string& run_name, const std::string& id,
                  const std::string& split) const {
    const Json inspected = json_of({"inspect", run_name});
    double last = -1;
    for (const Json& row : inspected.at("evaluations")) {
      if (row.at("id") == id && row.at("split") == split) last = row.at("accuracy");
    }
    return last;
  }
};

TEST_F(Compare, RunsAreThoseThatTrainMakes) {
  const Outcome outcome = run(joint_and_ipkd("all"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("run 3/4: joint-s2"));
  compare(support::tiny_training("alone", "ipkd",
                                 {"--seed", "2", "--epochs", "1", "--set",
                                  "optimizer.schedule=constant", "--set", "optimizer.lr=0.02"}));
  EXPECT_TRUE(contents(folder_ / "all/ipkd-s2/run.h5") == contents(folder_ / "alone/run.h5"));
  EXPECT_EQ(run({"sweep", "all/joint-s1", "--repetitions", "1"}).code, 0);
  EXPECT_EQ(run({"resume", "all/joint-s1"}).code, 0);
}

// Which filters are a part is found on the training images, which differ from seed to seed.
TEST_F(Compare, PartsOfFiltersAreThoseOfEachRun) {
  ASSERT_EQ(run(support::tiny_training("teacher", "joint", {"--epochs", "1"})).code, 0);
  const std::vector<std::string> arguments = {"compare",
                                              "--recipes",
                                              "nonn-redundant",
                                              "--net",
                                              "nonn-mobilenet-v1-tiny",
                                              "--data",
                                              "shapes",
                                              "--limit",
                                              "200",
                                              "--batch",
                                              "32",
                                              "--threads",
                                              "1",
                                              "--epochs",
                                              "1",
                                              "--seeds",
                                              "2",
                                              "--teacher",
                                              "teacher=teacher",
                                              "--out",
                                              "parts"};
  compare(arguments);
  compare(arguments);
}

TEST_F(Compare, FiguresAreThoseOfTheRuns) {
  // Statistics that follow quickly: a net that does more than guess after few steps.
  const Json json = json_of(comparing(
      "all", {"--recipes", "joint,ipkd", "--epochs", "3", "--set", "net.norm-momentum=0.5"}));
  EXPECT_EQ(json.at("baseline"), "joint");
  EXPECT_EQ(json.at("seeds"), Json({1, 2}));
  ASSERT_EQ(json.at("figures").size(), 3U);
  const Json test = json.at("figures").at(2);
  EXPECT_EQ(test.at("split"), "test");
  ASSERT_EQ(test.at("rows").size(), 10U);  // four sub-models and the mean, two recipes
  double differences[2] = {};
  for (const int seed : {1, 2}) {
    const std::string end = "-s" + std::to_string(seed);
    differences[seed - 1] = accuracy("all/ipkd" + end, "w1.000", "test") -
                            accuracy("all/joint" + end, "w1.000", "test");
  }
  EXPECT_NE(differences[0], differences[1]);
  const Json row = test.at("rows").at(7);
  EXPECT_EQ(row.at("submodel"), "w1.000");
  EXPECT_EQ(row.at("recipe"), "ipkd");
  EXPECT_NEAR(row.at("difference").at("mean"), (differences[0] + differences[1]) / 2, 1e-12);
  EXPECT_NEAR(row.at("difference").at("standard_error"),
              std::abs(differences[0] - differences[1]) / 2, 1e-12);
  EXPECT_EQ(json.at("times").at("recipes").at(0).at("relative_time"), 1.0);
  EXPECT_GT(json.at("times").at("recipes").at(1).at("relative_time"), 0);
  EXPECT_EQ(json, Json::parse(contents(folder_ / "all/compare.json")));
  EXPECT_THAT(contents(folder_ / "all/compare.md"), HasSubstr("| w1.000 | ipkd | 2 | "));
}

// The same recipe by another name starts from the same weights, sees the same images, and ends in
// the same net.
TEST_F(Compare, SeedsOfRecipesAreTheSame) {
  folder_.write("again.ini", "[recipe]\nextends = joint\n");
  const Json json =
      json_of(comparing("all", {"--recipes", "joint,./again.ini", "--epochs", "1", "--quiet"}));
  for (const Json& figure : json.at("figures")) {
    for (const Json& row : figure.at("rows")) {
      if (row.at("recipe") == "joint") continue;
      EXPECT_EQ(row.at("recipe"), "again");
      EXPECT_EQ(row.at("difference").at("mean"), 0.0);
      EXPECT_EQ(row.at("difference").at("high"), 0.0);
    }
  }
}

TEST_F(Compare, WarnsOfRecipesThatHoldOutOtherImages) {
  folder_.write("all-in.ini", "[recipe]\nextends = joint\n[train]\nvalidation = 0\n");
  const Outcome outcome =
      run(comparing("all", {"--recipes", "joint,all-in.ini", "--max-steps", "1"}));
  EXPECT_EQ(outcome.code, 75);
  EXPECT_THAT(outcome.err, HasSubstr("recipe all-in holds out 0 images, joint 5000: their runs of "
                                     "one seed do not share a split"));
}

TEST_F(Compare, StoppedAnywhereEndsInTheSame) {
  compare(joint_and_ipkd("whole"));
  int stops = 0;
  Outcome outcome;
  while ((outcome = run(joint_and_ipkd("parts", {"--max-steps", "7"}))).code == 75) {
    ASSERT_LT(++stops, 4) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, HasSubstr("the state is saved; the same command continues"));
    const std::string where = stops == 1 ? "run 2/4, ipkd-s1, after epoch 0, step 2" : "run 3/4";
    EXPECT_THAT(outcome.err, HasSubstr(where));
  }
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(stops, 2);  // 20 steps in all
  expect_same("parts", "whole");
}

TEST_F(Compare, InterruptedContinues) {
  const std::vector<std::string> many = {"--recipes", "joint,ipkd", "--epochs", "12"};
  Program program(comparing("all", many), folder_.path());
  const fs::path second = folder_ / "all/ipkd-s1/metrics.jsonl";
  for (int tries = 0; tries < 20000 && contents(second).empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(program.id(), SIGTERM);
  const Outcome outcome = program.wait();
  ASSERT_EQ(outcome.code, 143) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("interrupted in run 2/4, ipkd-s1, after epoch "));
  const Json json = figures("all");  // of the run that was finished
  EXPECT_EQ(json.at("recipes").at(0).at("finished"), 1);
  EXPECT_EQ(json.at("recipes").at(1).at("to_do"), 2);
  const Outcome rest = run(comparing("all", many));
  ASSERT_EQ(rest.code, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("run 2/4: ipkd-s1, continued"));
  EXPECT_THAT(rest.err, Not(HasSubstr("run 1/4: joint-s1")));
  compare(comparing("whole", many));
  expect_same("all", "whole");
}

TEST_F(Compare, TakesMoreSeedsAndRecipesLater) {
  compare(joint_and_ipkd("all"));
  const std::string before = contents(folder_ / "all/joint-s2/run.h5");
  const Outcome outcome = run(comparing(
      "all", {"--recipes", "ipkd-ta,joint", "--epochs", "1", "--json", "--log-level", "info"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, Not(HasSubstr("run 2/4")));
  EXPECT_TRUE(contents(folder_ / "all/joint-s2/run.h5") == before);
  EXPECT_EQ(Json::parse(outcome.out).at("baseline"), "ipkd-ta");
}

// A run that has cut its net is still one of this comparison; one that began elsewhere is not.
TEST_F(Compare, ContinuesRunsThatCutTheirNetButNotThoseOfAnotherStart) {
  const auto cutting = comparing("cut", {"--recipes", "joint,network-slimming", "--epochs", "3"});
  compare(cutting);
  const Json once = figures("cut");
  compare(cutting);
  EXPECT_EQ(figures("cut"), once);
  compare(joint_and_ipkd("warm", {"--start", "cut/joint-s1"}));
  refused(joint_and_ipkd("warm", {"--quiet"}), 2, "it began with other weights");
}

TEST_F(Compare, RunsOfOtherSettingsAreRefused) {
  folder_.write("mine.ini", "[recipe]\nextends = joint\n");
  compare(comparing("all", {"--recipes", "mine.ini", "--epochs", "1"}));
  const std::string before = contents(folder_ / "all/mine-s1/run.h5");
  const auto refused = [&](const std::vector<std::string>& more, const std::string& what) {
    std::vector<std::string> arguments =
        comparing("all", {"--recipes", "joint,mine.ini", "--epochs", "1", "--log-level", "warn"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    RunFolder::refused(arguments, 2,
                       "folder \"all/mine-s1\" holds a run with other settings: " + what);
  };
  refused({"--set", "optimizer.momentum=0.8"},
          "its recipe says \"optimizer.momentum = 0.9\", this comparison's \"optimizer.momentum = "
          "0.8\"; expected another folder");
  refused({"--engine", "plain"}, "it is computed by fused fp32, this comparison by plain fp32");
  folder_.write("mine.ini", "[recipe]\nextends = ipkd\n");
  refused({}, "its recipe says ");
  EXPECT_FALSE(fs::exists(folder_ / "all/joint-s1"));
  EXPECT_TRUE(contents(folder_ / "all/mine-s1/run.h5") == before);
}

TEST_F(Compare, RunsOfOtherNetsAndImagesAreRefused) {
  const auto arguments = [](const std::string& net, const std::string& limit) {
    return std::vector<std::string>{"compare", "--net",   net,           "--data",   "shapes",
                                    "--limit", limit,     "--out",       "all",      "--recipes",
                                    "joint",   "--seeds", "1",           "--epochs", "1",
                                    "--batch", "32",      "--log-level", "warn"};
  };
  compare(arguments("slimmable-mobilenet-v1-tiny", "200"));
  refused(arguments("msdnet-tiny", "200"), 2,
          "its net is slimmable-mobilenet-v1-tiny, this comparison's msdnet-tiny");
  refused(arguments("slimmable-mobilenet-v1-tiny", "250"), 2,
          "its images are shapes limited to 200 (SHA-256 ");
}

TEST_F(Compare, WrongFoldersAreRefused) {
  train("single", "quick");
  refused(joint_and_ipkd("single"), 2, "folder \"single\" is a run; expected a folder that holds");
  folder_.write("bad/ipkd-s2/run.h5", "CONCERTINA HDF5\nand no more");
  refused(joint_and_ipkd("bad", {"--log-level", "warn"}), 65, "bad/ipkd-s2/run.h5: truncated");
  folder_.write("file", "");
  refused(joint_and_ipkd("file", {"--log-level", "warn"}), 74, "\"file\"");
}

// Decay of 1 at a rate of 100 makes every weight 99 times as large in each step.
TEST_F(Compare, DivergedRunsAreLeftOut) {
  folder_.write("wild.ini",
                "[recipe]\nextends = joint\n[optimizer]\nweight-decay = 1\ndecay-on = all\n");
  const std::vector<std::string> arguments = comparing(
      "all",
      {"--recipes", "wild.ini,quick", "--epochs", "4", "--set", "optimizer.lr=100", "--json"});
  const Outcome outcome = run(arguments);
  ASSERT_EQ(outcome.code, 76) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("concertina: left out 2 of 4 runs, the first all/wild-s1: "
                                     "diverged: "));
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("recipes").at(0).at("diverged"), 2);
  EXPECT_EQ(json.at("runs").at(0).at("status"), "diverged");
}

}  // namespace
}  // namespace concertina
