// How long a sub-model's forward takes on this machine.
#pragma once

#include <cstdint>
#include <string>

#include "concertina/nn/flexible_net.h"

namespace concertina {

struct Latency {
  double min = 0, median = 0, p95 = 0, max = 0;  // seconds a batch
  int repetitions = 0;
};

struct LatencySetting {
  std::int64_t batch = 1;
  int warm_up = 5;
  int repetitions = 30;
};

// Times forward passes of `net` (an extracted sub-model) at its last exit on seeded random images,
// with the threads that are set. The batch stays the same, so nothing but the net is timed.
// Throws ProgrammingError for a batch or repetitions below 1.
Latency measure_latency(FlexibleNet& net, const LatencySetting& setting);

// The processor's name as the system gives it, or "unknown".
std::string processor_name();

}  // namespace concertina
