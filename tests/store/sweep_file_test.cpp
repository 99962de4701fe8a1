#include "concertina/store/sweep_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"

#include "support/temp_folder.h"

#include "store/run_state.h"

namespace concertina {
namespace {

Sweep example() {
  Sweep sweep;
  sweep.setting = {"validation", 5000, 8, 2, 30, 5, "cuda:1", "A processor", std::string(64, 'a')};
  for (const int thousandths : {333, 1000}) {
    Measurement row;
    row.subnet = {Width::from_thousandths(thousandths), 2};
    row.id = row.subnet.width.label() + "-e2";
    row.cost = {1, 2, 3, 4, 5};
    row.accuracy = thousandths / 3000.0;
    row.loss = 0.7;
    row.latency_median = 0.004;
    row.latency_p95 = 0.005;
    sweep.rows.push_back(row);
  }
  return sweep;
}

TEST(SweepFile, ReadsBackTheSetting) {
  const support::TempFolder folder;
  write_sweep(folder / "sweep.h5", example());
  const SweepSetting found = read_sweep(folder / "sweep.h5").setting, expected = example().setting;
  EXPECT_EQ(found.split, expected.split);
  EXPECT_EQ(found.images, expected.images);
  EXPECT_EQ(found.batch, expected.batch);
  EXPECT_EQ(found.threads, expected.threads);
  EXPECT_EQ(found.repetitions, expected.repetitions);
  EXPECT_EQ(found.warm_up, expected.warm_up);
  EXPECT_EQ(found.device, expected.device);
  EXPECT_EQ(found.processor, expected.processor);
  EXPECT_EQ(found.run_sha256, expected.run_sha256);
}

TEST(SweepFile, ReadsBackEveryRow) {
  const support::TempFolder folder;
  write_sweep(folder / "sweep.h5", example());
  const auto found = read_sweep(folder / "sweep.h5").rows, expected = example().rows;
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].id, expected[i].id);
    EXPECT_EQ(found[i].subnet, expected[i].subnet);
    EXPECT_EQ(found[i].cost.macs, expected[i].cost.macs);
    EXPECT_EQ(found[i].cost.ops, expected[i].cost.ops);
    EXPECT_EQ(found[i].cost.params, expected[i].cost.params);
    EXPECT_EQ(found[i].cost.bytes, expected[i].cost.bytes);
    EXPECT_EQ(found[i].cost.peak_activation_bytes, expected[i].cost.peak_activation_bytes);
    EXPECT_EQ(found[i].accuracy, expected[i].accuracy);
    EXPECT_EQ(found[i].loss, expected[i].loss);
    EXPECT_EQ(found[i].latency_median, expected[i].latency_median);
    EXPECT_EQ(found[i].latency_p95, expected[i].latency_p95);
  }
}

TEST(SweepFile, MayHaveNoRowYet) {
  const support::TempFolder folder;
  write_sweep(folder / "sweep.h5", Sweep());
  EXPECT_TRUE(read_sweep(folder / "sweep.h5").rows.empty());
}

TEST(SweepFile, SameSweepGivesTheSameBytes) {
  const support::TempFolder folder;
  write_sweep(folder / "a.h5", example());
  write_sweep(folder / "b.h5", read_sweep(folder / "a.h5"));
  EXPECT_TRUE(read_file(folder / "a.h5") == read_file(folder / "b.h5"));
}

TEST(SweepFile, AFlippedByteIsSeen) {
  const support::TempFolder folder;
  write_sweep(folder / "sweep.h5", example());
  const std::string whole = read_file(folder / "sweep.h5");
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(~bytes[at]);
    folder.write("sweep.h5", bytes);
    EXPECT_THROW(read_sweep(folder / "sweep.h5"), DataError) << "byte " << at;
  }
}

TEST(SweepFile, AFolderThatIsNotThereIsAnIoError) {
  const support::TempFolder folder;
  EXPECT_THROW(write_sweep(folder / "none/sweep.h5", example()), IoError);
}

TEST(SweepFile, AnIdTooLongForTheTableIsRefused) {
  const support::TempFolder folder;
  Sweep sweep = example();
  sweep.rows[0].id = std::string(161, 'w');
  EXPECT_THAT(store_test::message_of<IoError>([&] { write_sweep(folder / "sweep.h5", sweep); }),
              ::testing::HasSubstr("too long for a table"));
}

}  // namespace
}  // namespace concertina
