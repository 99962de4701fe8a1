// The progress line of work that is not a training.
#pragma once

#include "concertina/experiment/watch.h"

#include "output/progress.h"

namespace concertina::cli {

class WatchLine {
 public:
  explicit WatchLine(bool quiet) : line_(quiet) {}

  // Shows the work on this line, and stops it after a signal, for which a SignalGuard lives. Must
  // not outlive the line.
  experiment::Watch watch();
  // Takes the line off the terminal.
  void clear() { line_.clear(); }

 private:
  void show(const experiment::WorkProgress& now);

  ProgressLine line_;
  Rate rate_;
  double last_ = 2;  // the fraction shown last; more than any, so that the first begins a phase
};

}  // namespace concertina::cli
