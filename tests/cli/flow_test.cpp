// From the command line to the files that are left, on a tiny net and generated images.
#include <signal.h>

#include <chrono>
#include <memory>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::Outcome;
using support::Program;
using support::TempFolder;
using support::tiny_training;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

// One trained run for all tests; each that changes it works on a copy.
class Flow : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    const Outcome outcome = run(tiny_training("trained", "quick", {"--epochs", "1", "--json"}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    trained_ = outcome;
    const Outcome sweep = run({"sweep", "trained", "--threads", "1", "--repetitions", "3"});
    ASSERT_EQ(sweep.code, 0) << sweep.err;
  }
  static void TearDownTestSuite() { folder_.reset(); }

  static Outcome run(const std::vector<std::string>& arguments) {
    return support::run_program(arguments, folder_->path());
  }
  static fs::path file(const std::string& name) { return *folder_ / name; }
  static void copy_run(const std::string& name) {
    fs::copy(file("trained"), file(name), fs::copy_options::recursive);
  }

  static std::unique_ptr<TempFolder> folder_;
  static Outcome trained_;
};
std::unique_ptr<TempFolder> Flow::folder_;
Outcome Flow::trained_;

TEST_F(Flow, TrainLeavesTheRunAndPrintsEverySubModel) {
  EXPECT_TRUE(fs::exists(file("trained/run.h5")));
  EXPECT_TRUE(fs::exists(file("trained/metrics.jsonl")));
  const Json json = Json::parse(trained_.out);
  EXPECT_EQ(json.at("finished"), true);
  ASSERT_EQ(json.at("submodels").size(), 4U);
  for (const Json& row : json.at("submodels")) {
    EXPECT_GE(row.at("test").at("accuracy"), 0);
    EXPECT_GE(row.at("validation").at("accuracy"), 0);
    EXPECT_GT(row.at("macs"), 0);
  }
  EXPECT_THAT(trained_.err, HasSubstr("plan: w0.250 <- label w0.500"));
  EXPECT_THAT(trained_.err, HasSubstr("data: 200 training"));
}

TEST_F(Flow, TrainRefusesAFolderWithARun) {
  const Outcome outcome = run(tiny_training("trained"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("`concertina resume trained`"));
}

TEST_F(Flow, QuietTrainingSaysNothingButTheResult) {
  const Outcome outcome = run(tiny_training("quiet", "quick", {"--epochs", "1", "--quiet"}));
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("w0.250"));
}

TEST_F(Flow, ResumeOfAFinishedRunSaysSo) {
  const Outcome outcome = run({"resume", "trained"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("the run is finished: 1 epochs"));
}

TEST_F(Flow, ResumeEndsInTheSameBytes) {
  ASSERT_EQ(run(tiny_training("whole", "quick", {"--epochs", "2"})).code, 0);
  const Outcome part = run(tiny_training("parts", "quick", {"--epochs", "2", "--max-steps", "7"}));
  EXPECT_EQ(part.code, 75);
  EXPECT_THAT(part.err, HasSubstr("step limit met after epoch 1, step 2"));
  EXPECT_THAT(part.err, HasSubstr("`concertina resume parts`"));
  const Outcome rest = run({"resume", "parts"});
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_THAT(rest.err, Not(HasSubstr("the run began with")));
  EXPECT_TRUE(contents(file("whole/run.h5")) == contents(file("parts/run.h5")));
}

TEST_F(Flow, ResumeWarnsWhenTheThreadsDiffer) {
  ASSERT_EQ(run(tiny_training("threads", "quick", {"--epochs", "1", "--max-steps", "1"})).code, 75);
  const Outcome outcome = run({"resume", "threads", "--threads", "2"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.err, HasSubstr("\"threads = 1\", now it is \"threads = 2\""));
}

void interrupt_once_it_trains(const Program& program, const fs::path& run) {
  for (int tries = 0; tries < 6000 && contents(run / "metrics.jsonl").empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(program.id(), SIGINT);
}

TEST_F(Flow, InterruptSavesTheStateAndLeavesWith130) {
  Program program(tiny_training("stopped", "quick", {"--epochs", "500"}), folder_->path());
  interrupt_once_it_trains(program, file("stopped"));
  const Outcome outcome = program.wait();
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("continue with `concertina resume stopped`"));
  EXPECT_EQ(run({"resume", "stopped", "--max-steps", "1"}).code, 75);
}

TEST_F(Flow, SecondProcessInARunFolderIsRefused) {
  Program program(tiny_training("busy", "quick", {"--epochs", "500"}), folder_->path());
  for (int tries = 0; tries < 6000 && contents(file("busy/metrics.jsonl")).empty(); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(run({"resume", "busy"}).code, 75);
  EXPECT_EQ(run({"sweep", "busy"}).code, 75);
  kill(program.id(), SIGTERM);
  EXPECT_EQ(program.wait().code, 143);
}

TEST_F(Flow, EvalRepeatsWhatTrainingPrinted) {
  const Json trained = Json::parse(trained_.out);
  const Outcome outcome = run({"eval", "trained", "--threads", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("split"), "test");
  ASSERT_EQ(json.at("submodels").size(), 4U);
  for (std::size_t k = 0; k < 4; ++k) {
    const Json& row = json.at("submodels").at(k);
    EXPECT_EQ(row.at("id"), trained.at("submodels").at(k).at("id"));
    EXPECT_EQ(row.at("accuracy"), trained.at("submodels").at(k).at("test").at("accuracy"));
  }
}

TEST_F(Flow, EvalOfOneSubModelAndOfItsBest) {
  const Outcome one = run({"eval", "trained", "--submodel", "w0.500", "--json"});
  ASSERT_EQ(one.code, 0) << one.err;
  EXPECT_EQ(Json::parse(one.out).at("submodels").size(), 1U);
  const Outcome best =
      run({"eval", "trained", "--checkpoint", "best", "--split", "validation", "--json"});
  ASSERT_EQ(best.code, 0) << best.err;
  const Json inspected = Json::parse(run({"inspect", "trained", "--json"}).out);
  for (std::size_t k = 0; k < 4; ++k) {
    EXPECT_EQ(Json::parse(best.out).at("submodels").at(k).at("accuracy"),
              inspected.at("submodels").at(k).at("best").at("accuracy"));
  }
}

TEST_F(Flow, EvalRefusesWhatTheRunHasNot) {
  const Outcome width = run({"eval", "trained", "--width", "0.35"});
  EXPECT_EQ(width.code, 2);
  EXPECT_THAT(width.err, HasSubstr("its widths are 0.25 0.5 0.75 1"));
  EXPECT_EQ(run({"eval", "trained", "--submodel", "w0.5"}).code, 2);
  EXPECT_EQ(run({"eval", "trained", "--submodel", "w0.500", "--width", "0.5"}).code, 2);
  EXPECT_EQ(run({"eval", "trained", "--data", "cifar10:none"}).code, 66);
  const Outcome calibrate = run({"calibrate", "trained", "--width", "0.5"});
  EXPECT_EQ(calibrate.code, 2);
  EXPECT_THAT(calibrate.err, HasSubstr("switchable norms"));
}

TEST_F(Flow, CalibrationMakesAnotherWidth) {
  const Outcome training_outcome = run(tiny_training("us", "sandwich", {"--epochs", "1"}));
  ASSERT_EQ(training_outcome.code, 0) << training_outcome.err;
  const Outcome refused = run({"eval", "us", "--width", "0.35"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("`concertina calibrate us --width 0.35`"));
  const Outcome calibrated = run({"calibrate", "us", "--width", "0.35", "--images", "64"});
  EXPECT_EQ(calibrated.code, 0) << calibrated.err;
  EXPECT_EQ(calibrated.out, "width 0.35 calibrated on 64 images\n");
  const Outcome outcome = run({"eval", "us", "--width", "0.35", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out).at("submodels").at(0).at("id"), "w0.350");
  EXPECT_EQ(Json::parse(run({"inspect", "us", "--json"}).out).at("submodels").size(), 5U);
}

TEST_F(Flow, CalibrationOfAnUnfinishedRunKeepsItsWidths) {
  ASSERT_EQ(run(tiny_training("us-part", "sandwich", {"--epochs", "2", "--max-steps", "6"})).code,
            75);
  const Outcome other = run({"calibrate", "us-part", "--width", "0.35"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("only once the run is finished"));
  EXPECT_EQ(run({"calibrate", "us-part", "--width", "0.5"}).code, 0);
  EXPECT_EQ(run({"resume", "us-part"}).code, 0);
}

TEST_F(Flow, SweepMeasuresEverySubModel) {
  copy_run("swept");
  const Outcome outcome =
      run({"sweep", "swept", "--batch", "2", "--threads", "1", "--repetitions", "3", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("setting").at("batch"), 2);
  EXPECT_EQ(json.at("setting").at("images"), 200);
  ASSERT_EQ(json.at("submodels").size(), 4U);
  for (const Json& row : json.at("submodels")) {
    EXPECT_GT(row.at("latency_median_s").get<double>(), 0);
    EXPECT_GE(row.at("latency_p95_s"), row.at("latency_median_s"));
    EXPECT_GT(row.at("bytes"), 0);
  }
  EXPECT_EQ(run({"sweep", "swept", "--checkpoint", "best", "--repetitions", "2"}).code, 0);
  EXPECT_TRUE(fs::exists(file("swept/sweep-best.h5")));
}

TEST_F(Flow, InterruptedSweepGoesOnWhereItWas) {
  copy_run("half");
  fs::remove(file("half/sweep.h5"));
  const std::vector<std::string> sweep = {"sweep",   "half", "--threads",     "1",
                                          "--batch", "64",   "--repetitions", "400"};
  Program program(sweep, folder_->path());
  for (int tries = 0; tries < 6000 && !fs::exists(file("half/sweep.h5")); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(program.id(), SIGINT);
  const Outcome stopped = program.wait();
  ASSERT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("of 4 rows kept"));
  const Outcome rest = run(sweep);
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("continuing a sweep that has"));
}

TEST_F(Flow, SelectWritesTheChoice) {
  const Outcome outcome = run({"select", "trained", "--max-macs", "300k", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  const std::string id = json.at("choice").at("id");
  EXPECT_LE(json.at("choice").at("macs"), 300000);
  EXPECT_FALSE(json.at("pareto").empty());
  EXPECT_THAT(contents(file("trained/choice.ini")), HasSubstr("submodel = " + id + "\n"));
  const Outcome text = run({"select", "trained/sweep.h5", "--axis", "latency"});
  EXPECT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("Pareto front, accuracy against latency"));
}

TEST_F(Flow, SelectChoosesByAnotherDevicesLatencies) {
  const Outcome measured =
      run({"bench", "latency", "trained", "--repetitions", "2", "--out", "here.csv", "--quiet"});
  ASSERT_EQ(measured.code, 0) << measured.err;
  const std::vector<std::string> select = {"select", "trained", "--json", "--latency-table"};
  const auto choose_by = [&](const std::string& table, const std::string& most) {
    std::vector<std::string> arguments = select;
    arguments.insert(arguments.end(), {table, "--max-latency", most});
    return run(arguments);
  };
  EXPECT_EQ(choose_by("here.csv", "10min").code, 0);
  folder_->write("phone.csv",
                 "id,latency_median_s,processor\nw0.250,0.2,Phone\nw0.500,0.3,Phone\n"
                 "w0.750,0.4,Phone\nw1.000,0.5,Phone\n");
  const Outcome outcome = choose_by("phone.csv", "250ms");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("choice").at("id"), "w0.250");
  EXPECT_EQ(json.at("choice").at("latency_median_s"), 0.2);
  EXPECT_EQ(json.at("setting").at("processor"), "Phone");
  EXPECT_EQ(choose_by("phone.csv", "100ms").code, 77);
  EXPECT_EQ(choose_by("none.csv", "1s").code, 66);
  folder_->write("other.csv", "id,latency_median_s,net\nw0.250,0.2,msdnet-tiny\n");
  EXPECT_THAT(choose_by("other.csv", "1s").err, HasSubstr("latencies of net \"msdnet-tiny\""));
  folder_->write("short.csv", "id,latency_median_s\nw0.250,0.2\n");
  EXPECT_THAT(choose_by("short.csv", "1s").err, HasSubstr("short.csv: no row of sub-model w0.500"));
}

TEST_F(Flow, SelectSaysWhenNothingFits) {
  const Outcome outcome = run({"select", "trained", "--max-macs", "1k"});
  EXPECT_EQ(outcome.code, 77);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("the cheapest, w0.250, needs 150.5k MACs"));
}

TEST_F(Flow, DamagedRunIsRefusedAndLeftAlone) {
  copy_run("damaged");
  std::string bytes = contents(file("damaged/run.h5"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  folder_->write("damaged/run.h5", bytes);
  for (const char* command : {"resume", "eval", "sweep", "inspect"}) {
    const Outcome outcome = run({command, "damaged"});
    EXPECT_EQ(outcome.code, 65) << command;
    EXPECT_THAT(outcome.err, HasSubstr("run.h5")) << command;
  }
  EXPECT_TRUE(contents(file("damaged/run.h5")) == bytes);
}

// Decay of 1 at a rate of 100 makes every weight 99 times as large in each step.
TEST_F(Flow, DivergenceHasItsOwnExitCode) {
  const Outcome outcome = run(tiny_training(
      "diverged", "quick",
      {"--epochs", "20", "--set", "optimizer.lr=100", "--set", "optimizer.schedule=constant",
       "--set", "optimizer.weight-decay=1", "--set", "optimizer.decay-on=all"}));
  EXPECT_EQ(outcome.code, 76) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(run({"inspect", "diverged"}).code, 0);
}

}  // namespace
}  // namespace concertina
