#include "concertina/select/latency_table.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using testing::HasSubstr;

LatencyTable two() {
  LatencyTable table{"tiny", 8, 2, 5, 100, "cpu", "Some, \"odd\" processor", {}};
  table.rows = {{"w0.500", 12'000'000, 0.0009, 0.001, 0.0011, 0.002},
                {"w1.000", std::nullopt, 0.003, 0.1 + 0.2, 0.5, 0.625}};
  return table;
}

std::string refusal(const std::string& text) {
  try {
    read_latency_table(text, "t.csv");
    return "read";
  } catch (const DataError& error) {
    return error.what();
  }
}

TEST(LatencyTable, ReadsBackWhatItWrote) {
  const LatencyTable table = two();
  for (const bool json : {false, true}) {
    const LatencyTable read = read_latency_table(json ? json_text(table) : csv_text(table), "t");
    EXPECT_EQ(read.net, "tiny");
    EXPECT_EQ(read.batch, 8);
    EXPECT_EQ(read.threads, 2);
    EXPECT_EQ(read.warm_up, 5);
    EXPECT_EQ(read.repetitions, 100);
    EXPECT_EQ(read.device, "cpu");
    EXPECT_EQ(read.processor, "Some   odd  processor");
    ASSERT_EQ(read.rows.size(), 2U);
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_EQ(read.rows[k].id, table.rows[k].id);
      EXPECT_EQ(read.rows[k].macs, table.rows[k].macs);
      EXPECT_EQ(read.rows[k].min, table.rows[k].min);
      EXPECT_EQ(read.rows[k].median, table.rows[k].median);
      EXPECT_EQ(read.rows[k].p95, table.rows[k].p95);
      EXPECT_EQ(read.rows[k].max, table.rows[k].max);
    }
  }
}

TEST(LatencyTable, ByHandNeedsTwoColumns) {
  const LatencyTable table =
      read_latency_table("\xEF\xBB\xBF\"id\", latency_median_s\r\n\r\nw0.500, 0.004\r\n", "t.csv");
  ASSERT_EQ(table.rows.size(), 1U);
  EXPECT_EQ(table.rows[0].id, "w0.500");
  EXPECT_EQ(table.rows[0].median, 0.004);
  EXPECT_EQ(table.rows[0].p95, 0.004);
  EXPECT_FALSE(table.rows[0].macs);
  EXPECT_EQ(table.batch, 1);
}

TEST(LatencyTable, WhatIsWrongIsNamedWithItsPlace) {
  const std::string header = "id,latency_median_s,batch\n";
  EXPECT_THAT(refusal(""), HasSubstr("t.csv: no rows"));
  EXPECT_THAT(refusal(header), HasSubstr("t.csv: no rows"));
  EXPECT_THAT(refusal("id,latency_medan_s\n"),
              HasSubstr("t.csv:1: unknown column \"latency_medan_s\"; did you mean "
                        "\"latency_median_s\"?"));
  EXPECT_THAT(refusal("id,latency_median_s,id\n"), HasSubstr("t.csv:1: column \"id\" stands"));
  EXPECT_THAT(refusal(header + "w0.500,0.1\n"), HasSubstr("t.csv:2: 2 cells; expected 3"));
  EXPECT_THAT(refusal(header + "w0.500,fast,1\n"),
              HasSubstr("t.csv:2: latency_median_s is \"fast\"; expected seconds"));
  EXPECT_THAT(refusal(header + "w0.500,-1,1\n"), HasSubstr("latency_median_s is \"-1\""));
  EXPECT_THAT(refusal(header + "w0.500,nan,1\n"), HasSubstr("latency_median_s is \"nan\""));
  EXPECT_THAT(refusal(header + "w0.500,1,0\n"), HasSubstr("batch is \"0\""));
  EXPECT_THAT(refusal(header + ",1,1\n"), HasSubstr("id is \"\"; expected a sub-model"));
  EXPECT_THAT(refusal(header + "a,1,1\nb,1,8\n"),
              HasSubstr("t.csv:3: batch is \"8\"; expected \"1\", as in the first row"));
  EXPECT_THAT(refusal(header + "a,1,1\na,1,1\n"),
              HasSubstr("t.csv:3: id is \"a\"; expected every sub-model once"));
  EXPECT_THAT(refusal("id,macs\nw0.500,7\n"), HasSubstr("latency_median_s is missing"));
  EXPECT_THAT(refusal("id,latency_median_s,macs\na,1,many\n"), HasSubstr("macs is \"many\""));
}

TEST(LatencyTable, OfJsonToo) {
  EXPECT_THAT(refusal("{"), HasSubstr("no JSON object with a list \"submodels\""));
  EXPECT_THAT(refusal("{\"submodels\": 3}"), HasSubstr("no JSON object with a list"));
  EXPECT_THAT(refusal("{\"submodels\": [7]}"), HasSubstr("submodels[0]: no object"));
  EXPECT_THAT(refusal("{\"bach\": 1, \"submodels\": [{}]}"), HasSubstr("did you mean \"batch\"?"));
  EXPECT_THAT(refusal("{\"submodels\": [{\"id\": \"a\", \"latency_median_s\": true}]}"),
              HasSubstr("submodels[0]: latency_median_s is \"true\""));
}

std::vector<Measurement> sweep_rows() {
  std::vector<Measurement> rows(2);
  rows[0].id = "w0.500";
  rows[0].cost.macs = 12'000'000;
  rows[1].id = "w1.000";
  return rows;
}

TEST(LatencyTable, TakesThePlaceOfTheSweepsLatencies) {
  std::vector<Measurement> rows = sweep_rows();
  SweepSetting setting;
  use_latencies(two(), "t.csv", rows, setting);
  EXPECT_EQ(rows[0].latency_median, 0.001);
  EXPECT_EQ(rows[0].latency_p95, 0.0011);
  EXPECT_EQ(rows[1].latency_median, 0.1 + 0.2);
  EXPECT_EQ(setting.batch, 8);
  EXPECT_EQ(setting.threads, 2);
  EXPECT_EQ(setting.repetitions, 100);
  EXPECT_EQ(setting.processor, two().processor);
}

TEST(LatencyTable, OfAnotherNetIsRefused) {
  std::vector<Measurement> rows = sweep_rows();
  SweepSetting setting;
  const auto refused = [&](const LatencyTable& table) -> std::string {
    try {
      use_latencies(table, "t.csv", rows, setting);
      return "used";
    } catch (const DataError& error) {
      return error.what();
    }
  };
  LatencyTable other = two();
  other.rows[0].macs = 13'000'000;
  EXPECT_THAT(refused(other), HasSubstr("t.csv: w0.500 has 13000000 MACs; expected 12000000"));
  other.rows.erase(other.rows.begin());
  EXPECT_THAT(refused(other), HasSubstr("t.csv: no row of sub-model w0.500"));
}

}  // namespace
}  // namespace concertina
