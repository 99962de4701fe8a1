// Learning-rate schedules: pure functions of the place in the run, so that a resumed run takes the
// same steps. Source: METHODS.md sections 4.2, 4.5 and 7.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace concertina {

enum class LrKind { constant, multistep, exponential, linear, cosine, one_cycle };

struct LrSchedule {
  LrKind kind = LrKind::cosine;
  double peak = 0.05;              // the base learning rate
  double warmup_epochs = 0;        // linear from 0 (one_cycle: from peak / 25)
  double gamma = 0.1;              // multistep: factor at a milestone; exponential: per epoch
  std::vector<double> milestones;  // multistep: fractions of the run, for example 0.5 0.75
  double final_lr = 0;             // where linear, cosine and one_cycle end

  // The learning rate of step `step` (from 0) of `epochs` * `steps_per_epoch`.
  double at(std::int64_t step, std::int64_t epochs, std::int64_t steps_per_epoch) const;
};

}  // namespace concertina
