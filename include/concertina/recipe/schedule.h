// Learning-rate schedules: pure functions of the place in the run, so that a resumed run takes the
// same steps. Source: docs/methods.md, Schedules.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace concertina {

enum class LrKind {
  constant,
  multistep,    // times gamma at every milestone
  exponential,  // times gamma after every epoch
  linear,       // every step, straight from peak to final_lr
  cosine,       // every step, half a cosine from peak to final_lr
  one_cycle,    // a warm-up from peak / 25, then as cosine
};

struct LrSchedule {
  LrKind kind = LrKind::cosine;
  double peak = 0.05;        // the base learning rate
  double warmup_epochs = 0;  // linear from 0 (one_cycle: from peak / 25) to peak; at most half
                             // the run, so that a shortened run still comes down again
  double gamma = 0.1;        // multistep: factor at a milestone; exponential: per epoch
  std::vector<double> milestones;  // multistep: fractions of the run, for example 0.5 0.75
  double final_lr = 0;             // where linear, cosine and one_cycle end

  // The learning rate of step `step` (from 0) of `total`, `steps_per_epoch` an epoch. The end value
  // belongs to the step after the last one. linear, cosine, one_cycle and exponential count from
  // the end of the warm-up, milestones from the start of the run.
  double at(std::int64_t step, std::int64_t total, std::int64_t steps_per_epoch) const;
};

}  // namespace concertina
