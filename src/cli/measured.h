// What is known of a run's sub-models when one is exported: its sweep, or else its own evaluations;
// and the choice that was made among them.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

namespace concertina::cli {

struct Measured {
  SweepSetting setting;
  std::vector<Measurement> rows;

  // Of a sub-model that was not measured: its cost, and NaN.
  Measurement row(const NetSpec& net, const Subnet& subnet) const;
};

// The folder's sweep when it is one of this state of the run; otherwise the newest evaluations in
// the run, or with `best`, those of the best checkpoints.
Measured measured_of_run(const RunState& state, const std::filesystem::path& folder,
                         const std::string& run_sha256, bool best);

// choice.ini, which `concertina select` writes.
struct Choice {
  Subnet subnet;
  std::string run_sha256;
};
// Throws UsageError when it is not there, DataError when it is not one.
Choice read_choice(const std::filesystem::path& file);

}  // namespace concertina::cli
