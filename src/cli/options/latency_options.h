// How latency is measured, as options.
#pragma once

#include <vector>

#include "concertina/experiment/sweep.h"

#include "options/options.h"

namespace concertina::cli {

// --batch and --repetitions.
std::vector<Option> latency_options();
experiment::LatencyRequest latency_request(const Options& options);

}  // namespace concertina::cli
