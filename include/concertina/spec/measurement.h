// Measurements of sub-models: a row of a sweep, an early exit. Shared by the files (store) and
// the choice (select).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "concertina/spec/cost.h"
#include "concertina/spec/width.h"

namespace concertina {

// One row of a sweep: what a sub-model costs and does.
struct Measurement {
  std::string id;  // subnet_id()
  Subnet subnet;
  Cost cost;                  // as an any-time network (spec/cost.h)
  double accuracy = 0;        // fraction of `split`
  double loss = 0;            // mean cross-entropy, nats
  double latency_median = 0;  // seconds a batch
  double latency_p95 = 0;     // seconds a batch
};

// Its id and any-time cost; all else NaN.
Measurement unmeasured(const NetSpec& net, const Subnet& subnet);

// When an image leaves a net with several exits. Confidence: the largest softmax probability.
struct ExitPolicy {
  std::vector<float> thresholds;  // one an exit: an image leaves where its confidence is not below
  // On the images it was fitted on:
  double average_macs = 0;     // an image
  double accuracy = 0;         // fraction
  std::vector<double> shares;  // of the images that leave at each exit
};

// Settings that all rows of one sweep share.
struct SweepSetting {
  std::string split = "test";  // which images gave accuracy and loss
  std::int64_t images = 0;     // how many
  int batch = 1;               // images a forward for the latency
  int threads = 1;
  int repetitions = 0;  // timed forwards
  int warm_up = 0;      // untimed forwards before
  std::string device = "cpu";
  std::string processor;   // its name as the system gives it
  std::string run_sha256;  // of the run.h5 that was measured
};

}  // namespace concertina
