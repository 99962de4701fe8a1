// Killed at any moment, on a full disk, or started twice: a run ends in the same bytes.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using support::contents;
using support::expect_refused;
using support::Outcome;
using support::Program;
using support::TempFolder;
using support::tiny_training;
using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int kKilled = 128 + SIGKILL;

void pause(std::chrono::microseconds time) { std::this_thread::sleep_for(time); }

// False when the program ended first.
template <class Condition>
bool wait_for(const Program& program, const Condition& condition) {
  while (!condition()) {
    if (program.has_ended()) return false;
    pause(std::chrono::microseconds(50));
  }
  return true;
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return {names.begin(), names.end()};
}

// The lines without what a clock gave.
std::vector<Json> timeless_lines(const fs::path& file) {
  const std::string text = contents(file);
  EXPECT_TRUE(!text.empty() && text.back() == '\n') << file;
  std::vector<Json> lines;
  for (std::size_t start = 0, end; (end = text.find('\n', start)) != std::string::npos;
       start = end + 1) {
    Json line = Json::parse(text.substr(start, end - start), nullptr, false);
    EXPECT_TRUE(line.is_object()) << file << " line " << lines.size() + 1;
    for (const char* clocked : {"seconds", "images_per_s"}) line.erase(clocked);
    lines.push_back(line);
  }
  return lines;
}

class Crash : public testing::Test {
 protected:
  static std::vector<std::string> training(const std::string& out, const std::string& epochs,
                                           const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments =
        tiny_training(out, "ipkd-ta", {"--epochs", epochs, "--set", "train.checkpoint-every=1"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  static std::vector<std::string> resuming(const std::string& out) {
    return {"resume", out, "--threads", "1"};
  }
  static std::vector<std::string> quietly(std::vector<std::string> arguments) {
    arguments.emplace_back("--quiet");
    return arguments;
  }
  fs::path file(const std::string& name) const { return folder_ / name; }
  Outcome run(const std::vector<std::string>& arguments) const {
    return support::run_program(arguments, folder_.path());
  }
  Outcome run_limited(const std::vector<std::string>& arguments, rlim_t largest_file) const {
    return Program(arguments, folder_.path(), {}, largest_file).wait();
  }
  void expect_same(const std::string& run, const std::string& whole) const {
    for (const char* name : {"/run.h5", "/best.h5"}) {
      EXPECT_TRUE(contents(file(run + name)) == contents(file(whole + name))) << run << name;
    }
    const std::vector<Json> lines = timeless_lines(file(run + "/metrics.jsonl"));
    const std::vector<Json> expected = timeless_lines(file(whole + "/metrics.jsonl"));
    const auto place = std::mismatch(lines.begin(), lines.end(), expected.begin(), expected.end());
    EXPECT_TRUE(lines == expected)
        << "metrics.jsonl differs from line " << place.first - lines.begin() + 1;
    EXPECT_THAT(names_in(file(run)),
                testing::ElementsAre(".lock", "best.h5", "metrics.jsonl", "run.h5"));
  }

  TempFolder folder_;
};

// When a file was written last; a time that no file has when it is not there.
fs::file_time_type time_of(const fs::path& file) {
  std::error_code absent;
  const auto time = fs::last_write_time(file, absent);
  return absent ? fs::file_time_type::min() : time;
}

class KilledRun : public Crash {
 protected:
  enum class Moment { training, writing };

  void train_and_kill(Moment moment) {
    const auto old_parts = times({"killed/run.h5.part", "killed/best.h5.part"});
    const bool fresh = !fs::exists(file("killed/run.h5"));
    const auto arguments = fresh ? training("killed", kEpochs) : resuming("killed");
    Program program(arguments, folder_.path());
    wait_until(moment, program);
    kill(program.id(), SIGKILL);
    const Outcome outcome = program.wait();
    ASSERT_EQ(outcome.code, kKilled) << outcome.err;
    const auto parts = times({"killed/run.h5.part", "killed/best.h5.part"});
    if (parts != old_parts && parts != times({})) ++parts_left_;
    const std::size_t said = outcome.err.find("continuing after epoch");
    if (said != std::string::npos) places_.insert(outcome.err.substr(said, 26));
  }

  std::vector<fs::file_time_type> times(std::vector<std::string> names) const {
    std::vector<fs::file_time_type> found;
    names.resize(2);
    for (const std::string& name : names) {
      found.push_back(name.empty() ? fs::file_time_type::min() : time_of(file(name)));
    }
    return found;
  }

  // After none, one or two checkpoints; training after none is mostly still the start.
  void wait_until(Moment moment, const Program& program) {
    const auto checkpoints = random_() % 3;
    for (auto k = checkpoints; k > 0; --k) {
      const auto run = times({"killed/run.h5"});
      wait_for(program, [&] { return times({"killed/run.h5"}) != run; });
    }
    if (moment == Moment::training) return pause(share_of(checkpoints == 0 ? 4 * epoch_ : epoch_));
    const auto parts = times({"killed/run.h5.part", "killed/best.h5.part"});
    wait_for(program, [&] {
      const auto now = times({"killed/run.h5.part", "killed/best.h5.part"});
      return now != parts && now != times({});
    });
  }

  std::chrono::microseconds share_of(std::chrono::microseconds time) {
    return std::chrono::microseconds(static_cast<std::int64_t>(random_() % 1000) * time.count() /
                                     1000);
  }

  const std::string kEpochs = "60";
  std::mt19937 random_{20210823};
  std::chrono::microseconds epoch_{0};
  int parts_left_ = 0;
  std::set<std::string> places_;  // "continuing after epoch 12"
};

TEST_F(KilledRun, EndsInTheSameBytes) {
  const auto start = Clock::now();
  ASSERT_EQ(run(training("whole", kEpochs)).code, 0);
  epoch_ = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start) / 60;
  for (int kills = 0; kills < 22; ++kills) {
    train_and_kill(kills % 2 == 0 ? Moment::training : Moment::writing);
    if (HasFatalFailure()) return;
  }
  RecordProperty("parts_left", parts_left_);
  RecordProperty("places", static_cast<int>(places_.size()));
  EXPECT_GT(parts_left_, 0) << "no kill met the writing of a checkpoint";
  EXPECT_GT(places_.size(), 3U) << "the run did not get on between the kills";
  const Outcome rest = run(resuming("killed"));
  ASSERT_EQ(rest.code, 0) << rest.err;
  expect_same("killed", "whole");
}

TEST_F(Crash, AKilledSweepKeepsItsRows) {
  ASSERT_EQ(run(training("run", "1")).code, 0);
  const std::vector<std::string> sweep = {"sweep",   "run", "--threads",     "1",
                                          "--batch", "16",  "--repetitions", "300"};
  Program program(sweep, folder_.path());
  wait_for(program, [&] { return fs::exists(file("run/sweep.h5")); });
  kill(program.id(), SIGKILL);
  ASSERT_EQ(program.wait().code, kKilled);
  const Outcome rest = run(sweep);
  EXPECT_EQ(rest.code, 0) << rest.err;
  EXPECT_THAT(rest.err, HasSubstr("continuing a sweep that has"));
  EXPECT_EQ(run({"select", "run", "--max-macs", "1M"}).code, 0);
  EXPECT_FALSE(fs::exists(file("run/sweep.h5.part")));
}

TEST_F(Crash, ACheckpointThatDoesNotFitLeavesTheOldOne) {
  ASSERT_EQ(run(training("whole", "2")).code, 0);
  ASSERT_EQ(run(training("full", "2", {"--max-steps", "7"})).code, 75);
  const std::string before = contents(file("full/run.h5"));
  const auto arguments = quietly(resuming("full"));
  expect_refused({arguments, 74, "write of \"full/"},
                 run_limited(arguments, before.size() - 100000));
  EXPECT_TRUE(contents(file("full/run.h5")) == before);
  EXPECT_FALSE(fs::exists(file("full/run.h5.part")));
  ASSERT_EQ(run(resuming("full")).code, 0);
  expect_same("full", "whole");
}

TEST_F(Crash, MetricsThatDoNotFitLeaveTheRun) {
  ASSERT_EQ(run(training("whole", "2")).code, 0);
  ASSERT_EQ(run(training("full", "2", {"--max-steps", "7"})).code, 75);
  const std::string before = contents(file("full/run.h5"));
  const auto arguments = quietly(resuming("full"));
  expect_refused({arguments, 74, "cannot write full/metrics.jsonl: File too large"},
                 run_limited(arguments, fs::file_size(file("full/metrics.jsonl")) + 100));
  EXPECT_TRUE(contents(file("full/run.h5")) == before);
  ASSERT_EQ(run(resuming("full")).code, 0);
  expect_same("full", "whole");
}

TEST_F(Crash, ARunWithoutRoomForItsFirstFileCanBeginAgain) {
  ASSERT_EQ(run(training("whole", "1")).code, 0);
  const auto arguments = quietly(training("full", "1"));
  expect_refused({arguments, 74, "cannot replace \"full/run.h5\""}, run_limited(arguments, 4096));
  ASSERT_EQ(run(arguments).code, 0);
  expect_same("full", "whole");
  const std::vector<std::string> sweep = {"sweep", "full", "--repetitions", "2", "--quiet"};
  expect_refused({sweep, 74, "cannot replace \"full/sweep.h5\""}, run_limited(sweep, 4096));
  EXPECT_EQ(run(sweep).code, 0);
}

// A process that is stopped holds the run for as long as the test likes.
TEST_F(Crash, ASecondProcessIsRefusedUntilTheFirstIsKilled) {
  Program first(training("run", "500"), folder_.path());
  ASSERT_TRUE(wait_for(first, [&] { return fs::exists(file("run/best.h5")); })) << first.err();
  kill(first.id(), SIGSTOP);
  const std::string holder = "folder \"run\" is in use by process " + std::to_string(first.id());
  expect_refused({quietly(resuming("run")), 75, holder}, folder_.path());
  expect_refused({{"sweep", "run"}, 75, holder}, folder_.path());
  expect_refused({{"calibrate", "run", "--width", "0.5"}, 75, holder}, folder_.path());
  EXPECT_EQ(run({"inspect", "run"}).code, 0);  // reads whole files only
  kill(first.id(), SIGKILL);
  EXPECT_EQ(first.wait().code, kKilled);
  EXPECT_EQ(run({"resume", "run", "--max-steps", "1"}).code, 75);
}

TEST_F(Crash, OfTwoThatBeginTheSameRunOneGoesOn) {
  ASSERT_EQ(run(training("whole", "3")).code, 0);
  Program first(quietly(training("run", "3")), folder_.path());
  Program second(quietly(training("run", "3")), folder_.path());
  Outcome won = first.wait();
  Outcome lost = second.wait();
  if (won.code != 0) std::swap(won, lost);
  EXPECT_EQ(won.code, 0) << won.err;
  const bool held = lost.err.find("is in use by process") != std::string::npos;
  expect_refused({{"train"}, held ? 75 : 2, held ? "try again" : "holds a run already"}, lost);
  expect_same("run", "whole");
}

}  // namespace
}  // namespace concertina
