// Thresholds for early exit, fitted on a run's validation images, of which there are some.
#pragma once

#include <vector>

#include "concertina/eval/exit_scores.h"
#include "concertina/store/model_file.h"
#include "concertina/train/run_state.h"

namespace concertina::cli {

EarlyExit fit_early_exit(FlexibleNet& net, Width width, const PreparedData& data, bool quiet);
// Of every calibrated width; none for a net of one exit, or without validation images.
std::vector<EarlyExit> fit_early_exits(FlexibleNet& net, const PreparedData& data, bool quiet);

// What the exits say of a split at one width, with progress; `what` names it there.
ExitScores scores_of(FlexibleNet& net, Width width, const Split& split, const PreparedData& data,
                     const std::string& what, bool quiet);

}  // namespace concertina::cli
