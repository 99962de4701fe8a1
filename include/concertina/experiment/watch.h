// How long work tells its caller how far it is, and asks whether to go on.
#pragma once

#include <functional>
#include <string>

namespace concertina::experiment {

struct WorkProgress {
  std::string task;     // "sweep w0.500"
  double fraction = 0;  // of the phase that is running, 0 to 1; a new phase starts again from 0
  std::string detail;   // such as a sub-model's id; may be empty
};

// Either may be empty.
struct Watch {
  std::function<void(const WorkProgress&)> progress;
  std::function<bool()> stop;  // asked often; true ends the work at the next good place

  void show(const WorkProgress& now) const {
    if (progress) progress(now);
  }
  bool is_stopped() const { return stop && stop(); }
};

}  // namespace concertina::experiment
