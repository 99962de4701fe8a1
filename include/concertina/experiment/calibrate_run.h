// Giving a run the norm statistics of a width.
#pragma once

#include <cstdint>
#include <optional>

#include "concertina/experiment/run_folder.h"

namespace concertina::experiment {

// Calibrates the width on training images (as many as the recipe says, unless `images` is given)
// and writes the run. A finished run gains widths that its recipe does not list, with their
// sub-models. Gives the number of images. Throws UsageError for a run with switchable norms, and
// for such a width while the run is unfinished.
std::int64_t calibrate_run(LockedRun& run, const PreparedData& data, Width width, at::Device device,
                           std::optional<std::int64_t> images = {});
// The checks of calibrate_run() that need no images.
void check_calibration(const LockedRun& run, Width width);

}  // namespace concertina::experiment
