// What one command leaves in a run folder for another.
#include <signal.h>

#include <chrono>
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
using support::tiny_training;
using testing::HasSubstr;
namespace fs = std::filesystem;

class Runs : public support::RunFolder {
 protected:
  std::string recipe_in(const std::string& run_name) const {
    return json_of({"inspect", run_name}).at("recipe");
  }
};

TEST_F(Runs, RecipeOfARunTrainsAgain) {
  train("first", "ipkd-ta", {"--epochs", "1", "--seed", "7"});
  EXPECT_EQ(run({"show", "recipe", "first"}).out, recipe_in("first"));
  EXPECT_EQ(run({"show", "recipe", "first/run.h5"}).out, recipe_in("first"));
  train("second", "first/run.h5", {});
  EXPECT_EQ(recipe_in("second"), recipe_in("first"));
  EXPECT_TRUE(contents(folder_ / "first/run.h5") == contents(folder_ / "second/run.h5"));
  EXPECT_THAT(run({"train", "--recipe", "first", "--seed", "8", "--print-recipe"}).out,
              HasSubstr("seed = 8\n"));
}

TEST_F(Runs, RecipeOfADamagedRunIsRefused) {
  folder_.write("bad/run.h5", "CONCERTINA HDF5\nand no more");
  expect_refused({{"show", "recipe", "bad"}, 65, "bad/run.h5: truncated"}, folder_.path());
}

TEST_F(Runs, NameOfARecipeComesBeforeAFolder) {
  folder_.write("quick/run.h5", "CONCERTINA HDF5\nand no more");
  EXPECT_EQ(run({"show", "recipe", "quick"}).code, 0);
}

TEST_F(Runs, AdviceNamesFolderAndCheckpoint) {
  train("us", "sandwich");
  expect_refused({{"eval", "us/run.h5", "--width", "0.35"},
                  2,
                  "`concertina calibrate us --width 0.35` does it"},
                 folder_.path());
  const std::vector<std::string> sweep = {"sweep",         "us", "--checkpoint", "best",
                                          "--repetitions", "1",  "--threads",    "1"};
  const std::vector<std::string> select = {"select", "us", "--checkpoint", "best"};
  expect_refused({select, 66, "`concertina sweep us --checkpoint best` makes it"}, folder_.path());
  ASSERT_EQ(run(sweep).code, 0);
  ASSERT_EQ(run({"calibrate", "us", "--width", "0.35", "--images", "64"}).code, 0);
  EXPECT_THAT(run(select).err, HasSubstr("the run has changed since its sweep; `concertina sweep "
                                         "us --checkpoint best` measures it"));
  // The width that was calibrated afterwards has no best checkpoint, and none is missed.
  ASSERT_EQ(run(sweep).code, 0);
  EXPECT_EQ(run(select).err, "");
}

// 0.35 and 0.351 give one network of this net, 0.5 is the run's.
TEST_F(Runs, SweepOfAnyWidthScoresWhatCalibrationWouldMake) {
  train("us", "sandwich",
        {"--epochs", "1", "--set", "distill.calibration-images=100", "--set",
         "distill.calibration-batch=50"});
  const std::string before = contents(folder_ / "us/run.h5");
  const Outcome outcome = run({"sweep", "us", "--widths", "0.35:0.351:0.001,0.5", "--repetitions",
                               "1", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("w0.351 has the channels of w0.350: both are one sub-model"));
  EXPECT_TRUE(contents(folder_ / "us/run.h5") == before);
  const Json rows = Json::parse(outcome.out).at("submodels");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows.at(0).at("id"), "w0.350");
  EXPECT_EQ(rows.at(1).at("id"), "w0.500");
  EXPECT_EQ(run({"select", "us"}).code, 0);
  ASSERT_EQ(run({"calibrate", "us", "--width", "0.35"}).code, 0);
  const Json scores = Json::parse(run({"eval", "us", "--json"}).out).at("submodels");
  int compared = 0;
  for (const Json& row : rows) {
    for (const Json& score : scores) {
      if (score.at("id") != row.at("id")) continue;
      EXPECT_EQ(score.at("loss"), row.at("loss")) << row.at("id");
      EXPECT_EQ(score.at("accuracy"), row.at("accuracy")) << row.at("id");
      ++compared;
    }
  }
  EXPECT_EQ(compared, 2);
}

TEST_F(Runs, AWidthMayHaveAShareAStage) {
  train("us", "sandwich", {"--epochs", "1", "--set", "distill.calibration-images=100"});
  const Outcome calibrated = run({"calibrate", "us", "--width", "0.5,0.75,0.75,1", "--json"});
  ASSERT_EQ(calibrated.code, 0) << calibrated.err;
  EXPECT_EQ(Json::parse(calibrated.out).at("width"), Json({0.5, 0.75, 0.75, 1.0}));
  const Outcome score = run({"eval", "us", "--width", "0.5-0.75-0.75-1", "--json"});
  ASSERT_EQ(score.code, 0) << score.err;
  const Outcome outcome = run({"sweep", "us", "--widths", "0.5-0.75-0.75-1 1", "--repetitions", "1",
                               "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json row = Json::parse(outcome.out).at("submodels").at(0);
  EXPECT_EQ(row.at("id"), "w0.500-0.750-0.750-1.000");
  EXPECT_EQ(row.at("loss"), Json::parse(score.out).at("submodels").at(0).at("loss"));
  const Outcome choice = run({"select", "us", "--max-macs", "1M", "--json"});
  EXPECT_EQ(Json::parse(choice.out).at("choice").at("width"), row.at("width"));
  expect_refused({{"calibrate", "us", "--width", "0.1,0.2,0.3,0.4,0.5,0.6"},
                  2,
                  "width \"0.1-0.2-0.3-0.4-0.5-0.6\" has 6 stages; net "
                  "\"slimmable-mobilenet-v1-tiny\" has 5"},
                 folder_.path());
  train("mixed", "quick", {"--epochs", "1", "--widths", "0.5 0.5-1 1"});
  EXPECT_EQ(Json::parse(run({"eval", "mixed", "--json"}).out).at("submodels").at(1).at("id"),
            "w0.500-1.000");
}

TEST_F(Runs, SweepOfAWidthThatCannotBeMeasuredIsRefused) {
  train("fixed", "quick");
  train("us", "sandwich");
  const auto refused = [&](std::vector<std::string> arguments, const std::string& message) {
    RunFolder::refused(std::move(arguments), 2, message);
  };
  refused({"sweep", "fixed", "--widths", "0.35"}, "width 0.35 was not trained");
  refused({"sweep", "us", "--widths", "0.35", "--checkpoint", "best"},
          "width 0.35 has no best checkpoint");
  refused({"sweep", "us", "--widths", "0.35:0.5"}, "--widths: widths \"0.35:0.5\"; expected from");
  ASSERT_EQ(run({"calibrate", "us", "--width", "0.35"}).code, 0);
  refused({"sweep", "us", "--widths", "0.25,0.35", "--checkpoint", "best"},
          "width 0.35 has no best checkpoint");
  EXPECT_FALSE(fs::exists(folder_ / "us/sweep-best.h5"));
  ASSERT_EQ(run(tiny_training("part", "sandwich", {"--max-steps", "1"})).code, 75);
  refused({"sweep", "part", "--widths", "0.5"}, "it has not finished its first epoch");
}

TEST_F(Runs, SweepsOfDifferentWidthsAreNotMixed) {
  train("us", "sandwich");
  const auto measure = [&](const std::string& widths) {
    const Outcome outcome =
        run({"sweep", "us", "--widths", widths, "--repetitions", "1", "--threads", "1", "--json"});
    return Json::parse(outcome.out).at("submodels").size();
  };
  EXPECT_EQ(measure("0.25"), 1U);
  EXPECT_THAT(run({"select", "us"}).err, HasSubstr("has 1 of the 4 sub-models"));
  EXPECT_EQ(measure("0.3,0.4"), 2U);
  EXPECT_EQ(run({"select", "us"}).err, "");
  EXPECT_EQ(measure("0.3,0.4,0.5"), 3U);
}

// Whenever the signal comes: the sweep either is complete, or says that it is not.
TEST_F(Runs, SweepInterruptedInItsLastMeasurementIsComplete) {
  train("one", "quick", {"--epochs", "1", "--widths", "1"});
  const fs::path lock = folder_ / "one/.lock";
  fs::remove(lock);
  Program program({"sweep", "one", "--threads", "1", "--batch", "64", "--repetitions", "1000"},
                  folder_.path());
  while (!fs::exists(lock) && !program.has_ended()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  kill(program.id(), SIGINT);
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, fs::exists(folder_ / "one/sweep.h5") ? 0 : 130) << outcome.err;
}

}  // namespace
}  // namespace concertina
