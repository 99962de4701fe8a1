// SIGINT and SIGTERM during long work: the first asks it to stop at the next good place, the second
// leaves at once with 128+n.
#pragma once

namespace concertina::cli {

// Handles both signals while it lives; restores the old handlers afterwards. One at a time, in the
// first thread: that is the one which the system gives a process's signals to.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  // The signal that came while a guard lives, or 0.
  static int received();
};

}  // namespace concertina::cli
