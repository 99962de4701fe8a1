#include "concertina/recipe/schedule.h"

#include <algorithm>
#include <cmath>

namespace concertina {
namespace {

constexpr double kPi = 3.14159265358979323846;

double multistep(const LrSchedule& lr, std::int64_t step, double total) {
  const auto passed = [&](double milestone) { return step >= std::llround(milestone * total); };
  const auto count = std::count_if(lr.milestones.begin(), lr.milestones.end(), passed);
  return lr.peak * std::pow(lr.gamma, static_cast<double>(count));
}

double mix(double from, double to, double share) { return from + (to - from) * share; }

}  // namespace

double LrSchedule::at(std::int64_t step, std::int64_t total_steps,
                      std::int64_t steps_per_epoch) const {
  const auto place = static_cast<double>(step);
  const auto epoch = static_cast<double>(steps_per_epoch);
  const auto total = static_cast<double>(total_steps);
  const double warmup = std::min(warmup_epochs * epoch, total / 2);
  if (place < warmup) {
    return mix(kind == LrKind::one_cycle ? peak / 25 : 0, peak, place / warmup);
  }
  const double done = (place - warmup) / (total - warmup);
  switch (kind) {
    case LrKind::constant:
      return peak;
    case LrKind::multistep:
      return multistep(*this, step, total);
    case LrKind::exponential:
      return peak * std::pow(gamma, std::floor((place - warmup) / epoch));
    case LrKind::linear:
      return mix(peak, final_lr, done);
    case LrKind::cosine:
    case LrKind::one_cycle:
      return mix(final_lr, peak, (1 + std::cos(kPi * done)) / 2);
  }
  return peak;
}

}  // namespace concertina
