#include "concertina/store/search_file.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/store/sweep_file.h"

#include "support/temp_folder.h"

#include "store/run_state.h"

namespace concertina {
namespace {

SearchRecord example() {
  SearchRecord record;
  record.setting = {"validation", 5000, 7, 2000, 100, "cpu", "fused", std::string(64, 'a')};
  record.search = "method = greedy\nseed = 1\n";
  for (const char* width : {"1", "0.5-0.75-1"}) {
    Measurement row;
    row.subnet.width = Width::parse(width);
    row.id = row.subnet.width.label();
    row.cost = {5, 4, 3, 2, 1};
    row.accuracy = 0.75;
    row.loss = 0.7;
    row.latency_median = row.latency_p95 = std::numeric_limits<double>::quiet_NaN();
    record.rows.push_back(row);
  }
  return record;
}

TEST(SearchFile, ReadsBackWhatWasWritten) {
  const support::TempFolder folder;
  write_search(folder / "search.h5", example());
  const SearchRecord found = read_search(folder / "search.h5"), expected = example();
  EXPECT_TRUE(found.setting == expected.setting);
  EXPECT_EQ(found.search, expected.search);
  ASSERT_EQ(found.rows.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(found.rows[i].subnet, expected.rows[i].subnet);  // in the order given
    EXPECT_EQ(found.rows[i].accuracy, expected.rows[i].accuracy);
    EXPECT_EQ(found.rows[i].loss, expected.rows[i].loss);
    EXPECT_EQ(found.rows[i].cost.macs, expected.rows[i].cost.macs);
    EXPECT_TRUE(std::isnan(found.rows[i].latency_median));
  }
}

TEST(SearchFile, SettingsDifferWhereAnyPartDoes) {
  const EvaluationSetting a = example().setting;
  std::vector<EvaluationSetting> others(8, a);
  others[0].split = "train";
  others[1].images = 1;
  others[2].seed = 1;
  others[3].calibration_images = 1;
  others[4].calibration_batch = 1;
  others[5].device = "cuda:0";
  others[6].engine = "plain";
  others[7].run_sha256 = std::string(64, 'b');
  for (const EvaluationSetting& other : others) EXPECT_FALSE(a == other);
  EXPECT_TRUE(a == example().setting);
}

TEST(SearchFile, SameRecordGivesTheSameBytes) {
  const support::TempFolder folder;
  write_search(folder / "a.h5", example());
  write_search(folder / "b.h5", read_search(folder / "a.h5"));
  EXPECT_TRUE(read_file(folder / "a.h5") == read_file(folder / "b.h5"));
}

TEST(SearchFile, AnotherOrADamagedFileIsRefused) {
  const support::TempFolder folder;
  write_sweep(folder / "search.h5", Sweep());
  EXPECT_THAT(store_test::message_of<DataError>([&] { read_search(folder / "search.h5"); }),
              ::testing::HasSubstr("a concertina-sweep file found, concertina-search expected"));
  write_search(folder / "search.h5", example());
  std::string bytes = read_file(folder / "search.h5");
  bytes[700] = static_cast<char>(~bytes[700]);
  folder.write("search.h5", bytes);
  EXPECT_THROW(read_search(folder / "search.h5"), DataError);
  EXPECT_THROW(read_search(folder / "none.h5"), NoInputError);
  EXPECT_THROW(write_search(folder / "none/search.h5", example()), IoError);
}

}  // namespace
}  // namespace concertina
