// The limits of a budget as options.
#pragma once

#include <vector>

#include "concertina/select/select.h"

#include "options/options.h"

namespace concertina::cli {

// Limits of what a sub-model costs, known before anything is measured: --max-macs and others.
std::vector<Option> cost_options();
// Limits of what a sweep measures: --max-latency, --min-accuracy.
std::vector<Option> measured_options();
// The limits given of a command that has cost_options(), or both. Throw UsageError for one that
// cannot be read.
Budget cost_budget(const Options& options);
Budget whole_budget(const Options& options);

}  // namespace concertina::cli
