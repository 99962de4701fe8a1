// concertina search: what it finds, leaves behind and refuses.
#include <signal.h>

#include <chrono>
#include <memory>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::expect_refused;
using support::Outcome;
using support::Program;
using support::TempFolder;
using support::tiny_training;
using testing::HasSubstr;
namespace fs = std::filesystem;

// Of a run that is trained once for all tests; each works on a copy.
class Search : public support::RunFolder {
 protected:
  static void SetUpTestSuite() {
    trained_ = std::make_unique<TempFolder>();
    const Outcome outcome = support::run_program(
        tiny_training("us", "sandwich",
                      {"--epochs", "1", "--widths", "0.25 0.5 1", "--set",
                       "distill.calibration-images=64", "--set", "distill.calibration-batch=32"}),
        trained_->path());
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  static void TearDownTestSuite() { trained_.reset(); }
  void SetUp() override { copy("us"); }

  void copy(const std::string& name) const {
    fs::create_directory(folder_ / name);
    fs::copy_file(*trained_ / "us/run.h5", folder_ / name / "run.h5");
  }
  static std::vector<std::string> searching(const std::string& name,
                                            const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"search",        name, "--max-macs",    kBudget,
                                          "--repetitions", "1",  "--threads",     "1",
                                          "--population",  "6",  "--generations", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string file(const std::string& name) const { return contents(folder_ / name); }

  static constexpr const char* kBudget = "250k";
  static std::unique_ptr<TempFolder> trained_;
};
std::unique_ptr<TempFolder> Search::trained_;

TEST_F(Search, ChoiceFitsAndItsFrontIsWhatSelectChoosesFrom) {
  const std::string before = file("us/run.h5");
  const Json found = json_of(searching("us"));
  EXPECT_LE(found.at("choice").at("macs"), 250000);
  EXPECT_GT(found.at("tried"), 12);
  EXPECT_EQ(found.at("split"), "validation");
  EXPECT_EQ(found.at("setting").at("split"), "test");
  EXPECT_TRUE(file("us/run.h5") == before);
  double accuracy = -1;
  for (const Json& row : found.at("pareto")) {
    EXPECT_GT(row.at("search_accuracy"), accuracy);
    accuracy = row.at("search_accuracy");
    EXPECT_GT(row.at("latency_median_s"), 0);
  }
  const Outcome selected = run({"select", "us", "--max-macs", kBudget, "--json"});
  ASSERT_EQ(selected.code, 0) << selected.err;
  const Json choice = Json::parse(selected.out).at("choice");
  EXPECT_GE(choice.at("accuracy"), found.at("choice").at("accuracy"));
  EXPECT_LE(choice.at("macs"), 250000);
}

TEST_F(Search, RowsOfTheFrontAreWhatASweepOfTheirWidthsWouldMeasure) {
  const Json found = json_of(searching("us", {"--method", "greedy"}));
  const Json row = found.at("choice");
  std::string width = row.at("id").get<std::string>().substr(1);
  const Json swept =
      json_of({"sweep", "us", "--widths", width, "--repetitions", "1", "--threads", "1"});
  EXPECT_EQ(swept.at("submodels").at(0).at("id"), row.at("id"));
  EXPECT_EQ(swept.at("submodels").at(0).at("loss"), row.at("loss"));
}

TEST_F(Search, KeepsTheRowsThatASweepLeft) {
  ASSERT_EQ(run({"sweep", "us", "--repetitions", "1", "--threads", "1"}).code, 0);
  std::set<std::string> ids = {"w0.250", "w0.500", "w1.000"};
  const Json found = json_of(searching("us", {"--method", "greedy"}));
  for (const Json& row : found.at("pareto")) ids.insert(row.at("id"));
  EXPECT_GT(ids.size(), 3U);
  const std::string all = std::to_string(ids.size());
  EXPECT_THAT(run({"select", "us"}).out, HasSubstr("the most accurate of " + all + " sub-models;"));
  const Outcome other = run(searching("us", {"--method", "greedy", "--batch", "2"}));
  EXPECT_THAT(other.err, HasSubstr("us/sweep.h5 was measured in another way"));
}

TEST_F(Search, AgainEvaluatesNothing) {
  const Json first = json_of(searching("us"));
  const std::string archive = file("us/search.h5");
  const Outcome outcome = run(searching("us"));
  EXPECT_THAT(outcome.err,
              HasSubstr("us/search.h5 holds " + std::to_string(first.at("tried").get<int>()) +
                        " sub-models that need not be evaluated again"));
  EXPECT_TRUE(file("us/search.h5") == archive);
  EXPECT_EQ(json_of(searching("us")).at("choice").at("id"), first.at("choice").at("id"));
}

TEST_F(Search, SeedDecidesTheEvolution) {
  const std::vector<std::string> names = {"us", "same", "other"};
  for (const std::string& name : names) {
    if (name != "us") copy(name);
    const Outcome outcome = run(searching(
        name, {"--method", "evolution", "--seed", name == "other" ? "2" : "1", "--quiet"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  EXPECT_TRUE(file("us/search.h5") == file("same/search.h5"));
  EXPECT_FALSE(file("us/search.h5") == file("other/search.h5"));
}

// Stopped again and again, by a signal it saves at or by one that kills it.
TEST_F(Search, InterruptedAndContinuedEndsInTheSameBytes) {
  copy("whole");
  ASSERT_EQ(run(searching("whole", {"--quiet"})).code, 0);
  int stopped = 0;
  for (const int signal : {SIGINT, SIGKILL, SIGTERM, SIGKILL, SIGINT}) {
    const std::string before = file("us/search.h5");
    Program program(searching("us", {"--quiet"}), folder_.path());
    while (file("us/search.h5") == before && !program.has_ended()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    kill(program.id(), signal);
    const Outcome outcome = program.wait();
    if (outcome.code == 0) break;
    ++stopped;
    EXPECT_EQ(outcome.code, 128 + signal) << outcome.err;
    const bool says_so = outcome.err.find("the same command continues") != std::string::npos;
    EXPECT_EQ(says_so, signal != SIGKILL) << outcome.err;
  }
  EXPECT_GE(stopped, 2);
  ASSERT_EQ(run(searching("us", {"--quiet"})).code, 0);
  EXPECT_TRUE(file("us/search.h5") == file("whole/search.h5"));
}

TEST_F(Search, ADamagedOrAnotherArchiveIsReplacedWithAWord) {
  folder_.write("us/search.h5", "CONCERTINA HDF5\nand no more");
  const Outcome damaged = run(searching("us", {"--method", "greedy"}));
  EXPECT_EQ(damaged.code, 0);
  EXPECT_THAT(damaged.err, HasSubstr("every sub-model is evaluated anew"));
  const Outcome other = run(searching("us", {"--method", "greedy", "--images", "20"}));
  EXPECT_EQ(other.code, 0);
  EXPECT_THAT(other.err, HasSubstr("us/search.h5 is of another run.h5, or of other images"));
}

TEST_F(Search, OfAnExitJudgesByThatExit) {
  const Outcome trained = run({"train",
                               "--net",
                               "msdnet-tiny",
                               "--recipe",
                               "sandwich",
                               "--data",
                               "shapes",
                               "--limit",
                               "100",
                               "--batch",
                               "32",
                               "--epochs",
                               "1",
                               "--threads",
                               "1",
                               "--set",
                               "distill.calibration-images=32",
                               "--set",
                               "distill.calibration-batch=32",
                               "--out",
                               "msd"});
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Json inside = json_of({"inspect", "msd"}).at("submodels");
  const auto macs = std::to_string(inside.at(1).at("macs").get<std::int64_t>());
  const Json found = json_of({"search", "msd", "--exit", "2", "--max-macs", macs, "--method",
                              "greedy", "--repetitions", "1", "--threads", "1"});
  const Json choice = found.at("choice");
  const std::string id = choice.at("id");
  EXPECT_EQ(choice.at("exit"), 2);
  const Json swept = json_of({"sweep", "msd", "--widths", id.substr(1, id.find("-e") - 1),
                              "--split", "validation", "--repetitions", "1", "--threads", "1"});
  const Json row = swept.at("submodels").at(1);
  EXPECT_EQ(row.at("id"), id);
  EXPECT_EQ(row.at("loss"), choice.at("search_loss"));
  expect_refused({{"search", "msd", "--exit", "9", "--max-macs", "1M"}, 2, "exit 9 of net"},
                 folder_.path());
}

TEST_F(Search, WhatItCannotDoIsRefused) {
  refused({"search", "us"}, 2, "a search needs a budget, such as --max-macs 20M");
  refused({"search", "us", "--max-macs", "10"}, 77,
          "no sub-model fits max-macs=10: the cheapest, w0.250, needs");
  refused({"search", "us", "--max-macs", "1M", "--step", "0"}, 2, "--step: width \"0\" is not in");
  refused({"search", "us", "--max-macs", "1M", "--step", "0.1,0.2"}, 2, "--step: \"0.1,0.2\"");
  refused({"search", "us", "--max-latency", "4ms"}, 2, "max-latency");
  refused({"search", "none", "--max-macs", "1M"}, 66, "run folder \"none\" is not there");
  EXPECT_FALSE(fs::exists(folder_ / "us/search.h5"));
}

TEST_F(Search, ARunThatCannotBeSearchedIsRefused) {
  const auto train = [&](const std::string& name, const std::string& recipe,
                         const std::vector<std::string>& more, int code) {
    EXPECT_EQ(run(tiny_training(name, recipe, more)).code, code);
  };
  const auto refused = [&](const std::string& name, const std::string& message) {
    RunFolder::refused(searching(name), 2, message);
  };
  train("fixed", "quick", {"--epochs", "1"}, 0);
  refused("fixed", "a search needs a run with net.norm = calibrated");
  train("part", "sandwich", {"--max-steps", "1"}, 75);
  refused("part", "it has not finished its first epoch");
  train("blind", "sandwich", {"--epochs", "1", "--validation", "0"}, 0);
  refused("blind",
          "the run has no validation images to guide a search; train with validation images");
  EXPECT_EQ(run(searching("blind", {"--split", "train", "--method", "greedy"})).code, 0);
}

}  // namespace
}  // namespace concertina
