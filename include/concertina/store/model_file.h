// model.h5: a network to run, with all of its sub-models or as an ordinary small one, and what is
// known of them. Layout: docs/file-format.md. The same model gives the same bytes. Not for: running
// it (deploy/flexible_model.h).
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "concertina/core/file.h"
#include "concertina/spec/measurement.h"
#include "concertina/store/run_file.h"

namespace concertina {

// Early exit at one width.
struct EarlyExit {
  Width width;
  std::int64_t images = 0;           // that the thresholds were fitted on
  std::vector<ExitPolicy> policies;  // ascending by average MACs
};

struct ModelState {
  NetSpec net;
  Tensors weights;              // of convolutions and linear layers, in full
  std::vector<NormBank> norms;  // one a width, ascending; without values where norms are folded
  std::vector<Measurement> submodels;  // all_subnets(); what was not measured is NaN
  SweepSetting setting;                // of their measurement
  std::vector<EarlyExit> early_exits;  // of nets with several exits, where thresholds were fitted
  std::vector<std::string> classes;    // names of the logits
  std::vector<float> mean, deviation;  // one a channel: input = (pixel / 255 - mean) / deviation
  std::vector<std::pair<std::string, std::string>> origin;  // "run_sha256", "epoch" and so on
};

// Throws IoError, and what `check` (core/file.h) does; the old file stays then.
void write_model(const std::filesystem::path& file, const ModelState& state,
                 const FileCheck& check = {});
// Throws NoInputError, IoError, DataError as store/run_file.h.
ModelState read_model(const std::filesystem::path& file);
// Whether the file says of itself that it is one; false when it cannot be read.
bool is_model_file(const std::filesystem::path& file);

}  // namespace concertina
