// sweep.h5: one row a sub-model of one run. Layout: docs/file-format.md. Replaced as a whole after
// every row, so that a sweep can be interrupted and continued.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/spec/measurement.h"

namespace concertina {

struct Sweep {
  SweepSetting setting;
  std::vector<Measurement> rows;
};

// Throws IoError (the old file stays).
void write_sweep(const std::filesystem::path& file, const Sweep& sweep);
// Throws NoInputError, IoError, DataError as store/run_file.h.
Sweep read_sweep(const std::filesystem::path& file);

}  // namespace concertina
