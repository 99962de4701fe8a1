// --fail: how well a net on several devices answers when some of them are gone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "concertina/experiment/robustness.h"

#include "options/options.h"
#include "output/results.h"

namespace concertina::cli {

Option fail_option();

// {"failed": 2, "mean": ..., "worst": ..., "best": ..., "sets": [{"devices": [1, 3], ...}]};
// devices counted from 1.
Json failures_json(const std::vector<FailureScore>& scores);

}  // namespace concertina::cli
