// Latencies of a net's sub-models on some device, as a file: `concertina bench latency` writes it
// where the model will run, `concertina select --latency-table` chooses by it elsewhere. CSV with a
// header row, or JSON; what both hold: docs/file-format.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "concertina/spec/measurement.h"

namespace concertina {

struct LatencyRow {
  std::string id;                                // subnet_id()
  std::optional<std::int64_t> macs;              // an image, any-time (spec/cost.h)
  double min = 0, median = 0, p95 = 0, max = 0;  // seconds a batch
};

struct LatencyTable {
  std::string net;
  int batch = 1;  // images a forward
  int threads = 1;
  int warm_up = 0;      // untimed forwards before
  int repetitions = 0;  // timed forwards
  std::string device, processor;
  std::vector<LatencyRow> rows;
};

std::string csv_text(const LatencyTable& table);
std::string json_text(const LatencyTable& table);

// Reads either. A table made by hand needs no more than id and latency_median_s. Throws DataError
// naming the file and the line (CSV) or the row (JSON), what was found and what is expected.
LatencyTable read_latency_table(const std::string& text, const std::string& file);

// Puts the table's latencies in the place of the sweep's, and how they were measured. Throws
// DataError where the table lacks a sub-model of the sweep, or counts other MACs for it.
void use_latencies(const LatencyTable& table, const std::string& file,
                   std::vector<Measurement>& rows, SweepSetting& setting);

}  // namespace concertina
