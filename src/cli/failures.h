// --fail: how well a net on several devices answers when some of them are gone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "concertina/eval/failures.h"

#include "options.h"
#include "results.h"

namespace concertina::cli {

Option fail_option();

// Every set of failed devices of one sub-model, in short.
struct FailureSummary {
  double mean = 0, worst = 0, best = 0;  // accuracies
};
FailureSummary summary_of(const std::vector<FailureScore>& scores);

// {"failed": 2, "mean": ..., "worst": ..., "best": ..., "sets": [{"devices": [1, 3], ...}]};
// devices counted from 1.
Json failures_json(const std::vector<FailureScore>& scores);

}  // namespace concertina::cli
