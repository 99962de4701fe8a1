// What every exit says of a split's images, for early exit.
#pragma once

#include "concertina/eval/evaluate.h"
#include "concertina/select/early_exit.h"

namespace concertina {

// In the loader's order. `progress` as evaluate()'s; stopped early, it gives the images done so
// far. Throws UsageError for a width without statistics, DataError for a
// loader without images.
ExitScores exit_scores(FlexibleNet& net, const EvalLoader& loader, Width width,
                       const EvalProgress& progress = {});

// The any-time multiply-accumulates of each exit at that width.
std::vector<std::int64_t> exit_macs(const NetSpec& net, Width width);

}  // namespace concertina
