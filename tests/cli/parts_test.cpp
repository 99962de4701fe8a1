#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/eval/process.h"

#include "exit_code.h"
#include "options/options.h"
#include "output/progress.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

using testing::HasSubstr;

TEST(ExitCode, StandsForTheKindOfAnError) {
  const auto code = [](const Error& error) { return static_cast<int>(exit_code(error.kind())); };
  EXPECT_EQ(code(UsageError("")), 2);
  EXPECT_EQ(code(DataError("")), 65);
  EXPECT_EQ(code(NoInputError("")), 66);
  EXPECT_EQ(code(IoError("")), 74);
  EXPECT_EQ(code(StoppedError("")), 75);
  EXPECT_EQ(code(DivergedError("")), 76);
  EXPECT_EQ(code(NoChoiceError("")), 77);
}

TEST(TextTable, RefusesARowOfAnotherLength) {
  TextTable table({"id", ">n"});
  EXPECT_THROW(table.add({"a"}), ProgrammingError);
}

TEST(TextTable, AlignsNumbersRightAndLeavesNoSpaceAtTheEnd) {
  TextTable table({"id", ">n", "note"});
  table.add({"a", "1", ""});
  table.add({"long", "1000", "x"});
  EXPECT_EQ(table.text(),
            "id       n  note\n"
            "a        1\n"
            "long  1000  x\n");
}

TEST(Progress, BarFillsTheTerminalExactly) {
  const ProgressState view{"epoch 1/2", 0.5, "812 images/s", 61, "loss w0.250 1.832"};
  EXPECT_EQ(bar_line(view, 79).size(), 78U);
  EXPECT_THAT(bar_line(view, 120),
              HasSubstr("epoch 1/2 [##########..........] 50% 812 images/s ETA 1:01 loss w0.250"));
  EXPECT_EQ(bar_line(view, 20), "epoch 1/2 [########");
  ProgressState narrow = view;
  narrow.details = std::string(80, 'x');
  narrow.brief = "loss 1.83 1.61";
  EXPECT_THAT(bar_line(narrow, 80), testing::HasSubstr("loss 1.83 1.61"));
  EXPECT_THAT(bar_line(narrow, 160), testing::HasSubstr("xxx"));
}

TEST(Progress, PlainLineIsNeverCut) {
  const ProgressState view{"sweep w0.250", 0.123, "", -1, std::string(200, 'x')};
  EXPECT_EQ(plain_line(view), "sweep w0.250 12% " + std::string(200, 'x'));
}

TEST(Progress, TimeIsReadable) {
  EXPECT_EQ(clock_text(0.4), "0:00");
  EXPECT_EQ(clock_text(31), "0:31");
  EXPECT_EQ(clock_text(724), "12:04");
  EXPECT_EQ(clock_text(3723), "1:02:03");
}

TEST(Progress, IsSilentWhenAskedToBe) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(true);
    line.show({"x", 0.5, "", -1, ""});
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Wrapped, KeepsToSeventyNineColumns) {
  EXPECT_EQ(wrapped("one two", 74, 4), "one\n    two");
  EXPECT_EQ(wrapped("one two", 72, 4), "one two");
}

Command command() {
  return {"demo",
          "a demonstration",
          {positional("FILE", "which"), list_option("set", "K=V", "a key"),
           integer_option("n", {1, 9}, "how many", "3"), flag_option("json", "as JSON")},
          {"concertina demo x"},
          nullptr};
}

TEST(Options, GiveWhatWasTypedOrTheDefault) {
  const Command demo = command();
  const Options options(demo, {"--set", "a=1", "file", "--set=b=2"});
  EXPECT_EQ(options.needed("FILE"), "file");
  EXPECT_THAT(options.list("set"), testing::ElementsAre("a=1", "b=2"));
  EXPECT_EQ(options.integer("n"), 3);
  EXPECT_FALSE(options.given("n"));
  EXPECT_FALSE(options.flag("json"));
  EXPECT_THROW(Options(demo, {"--js"}), UsageError);  // no abbreviations
}

TEST(Device, IsCpuOrOneThatIsThere) {
  EXPECT_EQ(parse_device("cpu").str(), "cpu");
  EXPECT_THROW(parse_device("cuda:1000"), UsageError);
  EXPECT_THROW(parse_device("cuda:-1"), UsageError);
  EXPECT_THROW(parse_device("CPU"), UsageError);
}

TEST(Machine, OfARunIsTheOneItBeganOnUnlessAnotherIsGiven) {
  const Command resume{"resume", "", with(machine_options_of_run(), {output_options()}), {}, {}};
  const Options nothing(resume, {});
  EXPECT_EQ(start_as_before(nothing, "libtorch = 1\nthreads = 3\ndevice = cpu\n").str(), "cpu");
  EXPECT_EQ(at::get_num_threads(), 3);
  const std::string elsewhere = "threads = 3\ndevice = cuda:99\n";
  try {
    start_as_before(nothing, elsewhere);
    ADD_FAILURE() << "cuda:99 is there";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("the run began with --device cuda:99"));
    EXPECT_THAT(error.what(), HasSubstr("name another --device"));
  }
  const Options given(resume, {"--threads", "2", "--device", "cpu"});
  EXPECT_EQ(start_as_before(given, elsewhere).str(), "cpu");
  EXPECT_EQ(at::get_num_threads(), 2);
}

TEST(Machine, HasACore) { EXPECT_GE(core_count(), 1); }

}  // namespace
}  // namespace concertina::cli
