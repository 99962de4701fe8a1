// Files of a run that are not as they were written.
#include <cstdint>
#include <cstdio>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/hash.h"

#include "program.h"

namespace concertina {
namespace {

using support::contents;
using support::expect_refused;
using support::Outcome;
using support::TempFolder;
using support::tiny_training;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Damaged {
  std::string bytes;
  std::string message;  // a part of it
};

std::string flipped(std::string bytes, std::size_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ 4);
  return bytes;
}

// With a checksum that is right (docs/file-format.md).
std::string of_version(std::string bytes, const std::string& version) {
  bytes.replace(24, 4, version);
  bytes.replace(62, 8, "00000000");
  char sum[9];
  std::snprintf(sum, sizeof sum, "%08x", static_cast<unsigned>(crc32(bytes)));
  return bytes.replace(62, 8, sum);
}

std::vector<Damaged> damages(const std::string& whole) {
  return {{"", "not a Concertina"},
          {"hello\n", "not a Concertina"},
          {whole.substr(0, 100), "truncated: 100 bytes found"},
          {whole.substr(0, whole.size() / 2), "truncated"},
          {whole.substr(0, whole.size() - 1), "truncated"},
          {whole + "x", "damaged"},
          {flipped(whole, 600), "damaged: its bytes give the checksum"},
          {flipped(whole, whole.size() - 1), "damaged: its bytes give the checksum"},
          {of_version(whole, "0003"), "format version 3; this program reads version 2 (the file"},
          {of_version(whole, "0000"), "format version 0; this program reads version 2"}};
}

class DamagedFiles : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempFolder>();
    for (const auto& arguments :
         {tiny_training("run", "quick", {"--epochs", "2", "--max-steps", "6"}),
          std::vector<std::string>{"sweep", "run", "--threads", "1", "--repetitions", "2"}}) {
      const Outcome outcome = support::run_program(arguments, folder_->path());
      ASSERT_EQ(outcome.code, arguments.front() == "train" ? 75 : 0) << outcome.err;
    }
    run_ = contents(*folder_ / "run/run.h5");
    sweep_ = contents(*folder_ / "run/sweep.h5");
  }
  static void TearDownTestSuite() { folder_.reset(); }

  void SetUp() override {
    folder_->write("run/run.h5", run_);
    folder_->write("run/sweep.h5", sweep_);
  }

  static void expect_refused(const std::vector<std::string>& arguments,
                             const std::string& message) {
    support::expect_refused({arguments, 65, message}, folder_->path());
  }

  static std::unique_ptr<TempFolder> folder_;
  static std::string run_, sweep_;
};
std::unique_ptr<TempFolder> DamagedFiles::folder_;
std::string DamagedFiles::run_, DamagedFiles::sweep_;

TEST_F(DamagedFiles, RunIsRefusedAndLeftAlone) {
  for (const Damaged& damaged : damages(run_)) {
    folder_->write("run/run.h5", damaged.bytes);
    expect_refused({"resume", "run"}, "run/run.h5: " + damaged.message);
    expect_refused({"inspect", "run"}, "run/run.h5: " + damaged.message);
    EXPECT_TRUE(contents(*folder_ / "run/run.h5") == damaged.bytes) << damaged.message;
  }
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"eval", "run"}, {"sweep", "run"}, {"calibrate", "run"}}) {
    expect_refused(command, "run/run.h5: format version 0");
  }
}

TEST_F(DamagedFiles, SweepIsRefusedBySelect) {
  for (const Damaged& damaged : damages(sweep_)) {
    folder_->write("run/sweep.h5", damaged.bytes);
    expect_refused({"select", "run"}, "run/sweep.h5: " + damaged.message);
    EXPECT_FALSE(fs::exists(*folder_ / "run/choice.ini")) << damaged.message;
  }
}

TEST_F(DamagedFiles, SweepIsMeasuredAnewBySweep) {
  folder_->write("run/sweep.h5", flipped(sweep_, 600));
  const Outcome outcome =
      support::run_program({"sweep", "run", "--threads", "1", "--repetitions", "2"}, *folder_ / "");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("the sweep begins anew"));
  EXPECT_EQ(support::run_program({"select", "run"}, folder_->path()).code, 0);
  fs::remove(*folder_ / "run/choice.ini");
}

TEST_F(DamagedFiles, OneKindInPlaceOfTheOtherIsRefused) {
  folder_->write("run/run.h5", sweep_);
  folder_->write("run/sweep.h5", run_);
  expect_refused({"resume", "run"}, "concertina-sweep");
  expect_refused({"select", "run"}, "concertina-run");
}

TEST_F(DamagedFiles, AFolderInPlaceOfAFileIsAnIoError) {
  fs::remove(*folder_ / "run/run.h5");
  fs::create_directory(*folder_ / "run/run.h5");
  support::expect_refused({{"resume", "run"}, 74, "\"run/run.h5\": Is a directory"},
                          folder_->path());
  fs::remove(*folder_ / "run/run.h5");
}

}  // namespace
}  // namespace concertina
