// `concertina eval --budgeted`: the accuracy that early exit reaches, by average MACs.
#pragma once

#include "options/run_options.h"

namespace concertina::cli {

// Fits thresholds on the run's validation images and reports them on the split that was asked for.
// Throws UsageError for a net of one exit, a run without validation images, and --split validation.
int eval_budgeted(RunState& state, const Recipe& recipe, at::Device device, const Options& options);

}  // namespace concertina::cli
