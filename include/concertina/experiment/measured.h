// The figures known of a run's sub-models: those of its sweep, or else of its own evaluations.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

namespace concertina::experiment {

struct Measured {
  SweepSetting setting;
  std::vector<Measurement> rows;

  // The row of the sub-model; its cost and NaN where it was not measured.
  Measurement row(const NetSpec& net, const Subnet& subnet) const;
};

// The folder's sweep when it is one of this state of the run; otherwise the newest evaluations in
// the run, or with `best`, those of the best checkpoints.
Measured measured_of_run(const RunState& state, const std::filesystem::path& folder,
                         const std::string& run_sha256, bool best);

}  // namespace concertina::experiment
