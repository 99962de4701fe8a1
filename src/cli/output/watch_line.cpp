#include "output/watch_line.h"

#include "signals.h"

namespace concertina::cli {

experiment::Watch WatchLine::watch() {
  return {[this](const experiment::WorkProgress& now) { show(now); },
          [] { return SignalGuard::received() != 0; }};
}

void WatchLine::show(const experiment::WorkProgress& now) {
  if (now.fraction < last_) rate_ = Rate(now.fraction);  // a new phase
  last_ = now.fraction;
  ProgressState state;
  state.task = now.task;
  state.share = now.fraction;
  state.seconds_left = rate_.seconds_left(now.fraction, 1);
  state.details = now.detail;
  line_.show(state);
}

}  // namespace concertina::cli
