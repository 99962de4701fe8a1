#include "concertina/store/run_file.h"

#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/hash.h"

#include "support/temp_folder.h"

#include "store/run_state.h"

namespace concertina {
namespace {

using store_test::expect_equal;
using store_test::message_of;
using store_test::random_state;
using ::testing::HasSubstr;

void expect_round_trip(const RunState& state) {
  const support::TempFolder folder;
  write_run(folder / "run.h5", state);
  expect_equal(read_run(folder / "run.h5"), state);
}

// Files larger than `bytes` fail as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST(RunFile, ReadsBackWhatWasWritten) {
  for (const std::uint32_t seed : {1U, 2U, 3U}) expect_round_trip(random_state(seed));
}

TEST(RunFile, ReadsBackARunThatHasNotBegun) {
  RunState state = random_state(4);
  for (auto& submodel : state.submodels) submodel.best.reset();
  state.train_history.clear();
  state.evaluations.clear();
  state.momentum.clear();
  state.progress = Progress();
  state.recipe = state.environment = "";
  state.data = DataDescription();
  expect_round_trip(state);
}

TEST(RunFile, ReadsBackColumnsWithoutRows) {
  RunState state = random_state(5);
  for (auto& column : state.train_history) column.values.clear();
  expect_round_trip(state);
}

TEST(RunFile, ReadsBackTensorsOfSeveralChunks) {
  RunState state = random_state(6);
  const at::Tensor tall = state.weights[0].value.reshape({-1, 1}).expand({432, 1300}).contiguous();
  state.momentum.push_back({"tall", tall, "row,column"});
  state.momentum.push_back({"wide", tall.reshape({1, -1}), "row,column"});
  expect_round_trip(state);
}

TEST(RunFile, SameStateGivesTheSameBytes) {
  const support::TempFolder folder;
  write_run(folder / "a.h5", random_state(7));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5's times have whole seconds
  write_run(folder / "b.h5", random_state(7));
  EXPECT_TRUE(read_file(folder / "a.h5") == read_file(folder / "b.h5"));
  write_run(folder / "b.h5", read_run(folder / "a.h5"));
  EXPECT_EQ(file_sha256(folder / "a.h5"), file_sha256(folder / "b.h5"));
}

TEST(RunFile, Sha256IsOfTheBytes) {
  const support::TempFolder folder;
  EXPECT_EQ(file_sha256(folder.write("x", "abc")), sha256_hex("abc"));
}

TEST(RunFile, SummaryLeavesTensorsOut) {
  const support::TempFolder folder;
  RunState expected = random_state(8);
  write_run(folder / "run.h5", expected);
  expected.weights.clear();
  expected.momentum.clear();
  expected.auxiliary_modules.clear();
  for (SnapshotState& copy : expected.snapshots) {
    copy.weights.clear();
    copy.norm.clear();
  }
  for (auto& bank : expected.norms) bank.values.clear();
  for (auto& submodel : expected.submodels) {
    if (!submodel.best) continue;
    submodel.best->weights.clear();
    submodel.best->norm.clear();
  }
  expect_equal(read_run_summary(folder / "run.h5"), expected);
}

TEST(RunFile, AFailedWriteLeavesTheOldFile) {
  const support::TempFolder folder;
  const auto file = folder / "run.h5";
  write_run(file, random_state(9));
  const std::string before = read_file(file);
  {
    const FileSizeLimit limit(20000);
    EXPECT_THAT(message_of<IoError>([&] { write_run(file, random_state(10)); }),
                HasSubstr(file.string()));
  }
  EXPECT_TRUE(read_file(file) == before);
  EXPECT_FALSE(std::filesystem::exists(folder / "run.h5.part"));
  expect_equal(read_run(file), random_state(9));
}

TEST(RunFile, RefusesListsThatDoNotFitTogether) {
  const support::TempFolder folder;
  RunState state = random_state(11);
  state.submodels.pop_back();
  EXPECT_THROW(write_run(folder / "run.h5", state), std::invalid_argument);
  state = random_state(11);
  state.norms.pop_back();
  EXPECT_THROW(write_run(folder / "run.h5", state), std::invalid_argument);
  state = random_state(11);
  state.train_history[1].values.push_back(0);
  EXPECT_THROW(write_run(folder / "run.h5", state), std::invalid_argument);
}

TEST(RunFile, RefusesNamesThatAreNoPaths) {
  const support::TempFolder folder;
  for (const char* name : {"", ".", "a//b", "a/./b", "a/", "/a", "a/b/c/d/e", "stem.conv"}) {
    RunState state = random_state(12);
    state.momentum.push_back({name, state.weights[0].value, ""});
    EXPECT_THROW(write_run(folder / "run.h5", state), IoError) << name;
  }
}

}  // namespace
}  // namespace concertina
