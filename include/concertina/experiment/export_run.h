// A run's sub-model as an ordinary small model, or all of its sub-models as one file. What was
// written is read again and compared with the run before the file gets its name.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/deploy/export.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/watch.h"

namespace concertina::experiment {

struct ExportRequest {
  Subnet subnet;  // of any width that the run has or that can be calibrated
  deploy::Format format = deploy::Format::onnx;
  std::filesystem::path file;  // "" = RUN/ID.SUFFIX
  bool best = false;           // the sub-model's best checkpoint, not the net as the run left it
  bool fold = true;            // norms into the convolutions in front of them
  std::int64_t samples = 64;   // images that the written file is compared on
};

struct ExportedFile {
  std::filesystem::path file;
  std::string format;             // "onnx"
  std::vector<Measurement> rows;  // the sub-models in it, with the figures known of them
  std::int64_t params = 0;        // in the file
  std::int64_t bytes = 0;         // of the file
  deploy::Proof proof;
};

// Throws UsageError for a width without statistics that cannot be calibrated, and for a sub-model
// without a best checkpoint where that is asked for; IoError; DataError when the file answers
// otherwise than the run.
ExportedFile export_submodel(const OpenedRun& run, const PreparedData& data,
                             const ExportRequest& request);

// Every calibrated width in one switchable h5 file, which deploy::FlexibleModel reads; with fitted
// thresholds for early exit. `file`: "" = RUN/model.h5. Throws UsageError for a run without a
// calibrated width; IoError and DataError as above.
ExportedFile export_all(const OpenedRun& run, const PreparedData& data,
                        const std::filesystem::path& file = {}, std::int64_t samples = 64,
                        const Watch& watch = {});

// The sub-model that was chosen of this very state of the run (RUN/choice.ini). Throws
// NoInputError, and UsageError when the run has changed since.
Subnet chosen_submodel(const OpenedRun& run);

}  // namespace concertina::experiment
