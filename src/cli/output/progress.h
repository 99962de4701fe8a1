// Progress of long work on standard error: a bar that is redrawn on a terminal, otherwise a plain
// line every few seconds; nothing under --quiet.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace concertina::cli {

struct ProgressState {
  std::string task;          // "epoch 2/6"
  double share = 0;          // done, 0 to 1
  std::string rate;          // "812 images/s"; may be empty
  double seconds_left = -1;  // of the whole work; negative = not known yet
  std::string details;       // "loss w0.250 1.832 w0.500 1.611"
  std::string brief{};       // "loss 1.83 1.61": instead of details where they do not fit
};

// "epoch 2/6 [#####.....]  50% 812 images/s ETA 1:02:03 w0.250 1.832", exactly `columns` - 1 wide.
std::string bar_line(const ProgressState& view, std::size_t columns);
// The line without a bar; it is never cut.
std::string plain_line(const ProgressState& view);
// "0:31", "12:04", "1:02:03"
std::string clock_text(double seconds);

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Draws when enough time has gone by since it last did.
  void show(const ProgressState& view);
  // Takes the bar off the terminal, so that a line of the log can stand there.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_;
  bool terminal_;
  std::size_t drawn_ = 0;  // characters of the bar that stand on the terminal
  Clock::time_point last_;
};

// How fast something is done, and when it will end.
class Rate {
 public:
  explicit Rate(double done = 0) : start_(Clock::now()), base_(done) {}
  double per_second(double done) const;                // 0 when too early to say
  double seconds_left(double done, double all) const;  // negative when too early to say

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_;
  double base_;
};

}  // namespace concertina::cli
