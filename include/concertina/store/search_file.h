// search.h5: every sub-model that searches in one run have evaluated, so that none is twice.
// Layout: docs/file-format.md. Replaced as a whole after every evaluation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/spec/measurement.h"

namespace concertina {

// What decides the figures: the rows of one file have it in common.
struct EvaluationSetting {
  std::string split;                    // which images gave accuracy and loss
  std::int64_t images = 0;              // how many
  std::uint64_t seed = 0;               // which of them, and which calibrated
  std::int64_t calibration_images = 0;  // whose statistics each sub-model got
  std::int64_t calibration_batch = 0;   // of them at a time
  std::string device = "cpu";
  std::string engine;      // plain or fused
  std::string run_sha256;  // of the run.h5 that was searched

  friend bool operator==(const EvaluationSetting& a, const EvaluationSetting& b) {
    return a.split == b.split && a.images == b.images && a.seed == b.seed &&
           a.calibration_images == b.calibration_images &&
           a.calibration_batch == b.calibration_batch && a.device == b.device &&
           a.engine == b.engine && a.run_sha256 == b.run_sha256;
  }
};

struct SearchRecord {
  EvaluationSetting setting;
  std::string search;             // the last one: "method = greedy" and so on, a line each
  std::vector<Measurement> rows;  // in the order of evaluation; latencies NaN
};

// Throws IoError (the old file stays).
void write_search(const std::filesystem::path& file, const SearchRecord& record);
// Throws NoInputError, IoError, DataError as store/run_file.h.
SearchRecord read_search(const std::filesystem::path& file);

}  // namespace concertina
