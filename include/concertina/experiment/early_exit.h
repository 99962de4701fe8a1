// Early exit for a run: thresholds fitted on its validation images, and what they give elsewhere.
#pragma once

#include <vector>

#include "concertina/eval/exit_scores.h"
#include "concertina/experiment/watch.h"
#include "concertina/store/model_file.h"
#include "concertina/train/run_state.h"

namespace concertina::experiment {

// The run has validation images. Throws UsageError for a width without statistics.
EarlyExit fit_early_exit(FlexibleNet& net, Width width, const PreparedData& data,
                         const Watch& watch = {});
// Fits every calibrated width; none for a net of one exit, or without validation images.
std::vector<EarlyExit> fit_early_exits(FlexibleNet& net, const PreparedData& data,
                                       const Watch& watch = {});

// Accuracy by average MACs at one width.
struct BudgetedCurve {
  Width width;
  std::vector<ExitPolicy> fitted;  // figures on the validation images
  std::vector<ExitPolicy> used;    // the same thresholds on the split
};
// `name`: of the split, for the watch.
BudgetedCurve budgeted_curve(FlexibleNet& net, Width width, const Split& split,
                             const std::string& name, const PreparedData& data,
                             const Watch& watch = {});

}  // namespace concertina::experiment
