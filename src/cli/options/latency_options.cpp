#include "options/latency_options.h"

namespace concertina::cli {

std::vector<Option> latency_options() {
  return {integer_option("batch", {1, 65536}, "images a forward, for the latency", "1"),
          integer_option("repetitions", {1, 100000}, "timed forwards, for the latency", "30")};
}

experiment::LatencyRequest latency_request(const Options& options) {
  return {static_cast<int>(options.integer("batch")),
          static_cast<int>(options.integer("repetitions"))};
}

}  // namespace concertina::cli
