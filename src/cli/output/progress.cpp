#include "output/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "concertina/core/text.h"

namespace concertina::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlainEvery{5};
constexpr std::size_t kBar = 20;
constexpr std::size_t kBriefBar = 10;
constexpr std::size_t kUsualColumns = 80;

bool can_redraw() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : kUsualColumns;
}

std::string percent(double share) {
  const std::string text = std::to_string(static_cast<int>(std::floor(share * 100))) + "%";
  return std::string(4 - std::min<std::size_t>(text.size(), 4), ' ') + text;
}

std::string ending(const ProgressState& view, const std::string& details) {
  std::string text;
  if (!view.rate.empty()) text += " " + view.rate;
  if (view.seconds_left >= 0) text += " ETA " + clock_text(view.seconds_left);
  if (!details.empty()) text += " " + details;
  return text;
}

std::string whole_bar(const ProgressState& view, std::size_t width, const std::string& details) {
  const double share = std::clamp(view.share, 0.0, 1.0);
  const auto full = static_cast<std::size_t>(std::floor(share * static_cast<double>(width)));
  return view.task + " [" + std::string(full, '#') + std::string(width - full, '.') + "]" +
         percent(share) + ending(view, details);
}

void put(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

std::string clock_text(double seconds) {
  const auto all = static_cast<std::int64_t>(std::llround(seconds));
  const auto two = [](std::int64_t value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
  };
  const std::string tail = two(all % 60);
  if (all < 3600) return std::to_string(all / 60) + ":" + tail;
  return std::to_string(all / 3600) + ":" + two(all / 60 % 60) + ":" + tail;
}

std::string plain_line(const ProgressState& view) {
  return view.task + percent(view.share) + ending(view, view.details);
}

std::string bar_line(const ProgressState& view, std::size_t columns) {
  std::string line = whole_bar(view, kBar, view.details);
  if (line.size() >= columns && !view.brief.empty()) line = whole_bar(view, kBriefBar, view.brief);
  line.resize(columns - 1, ' ');
  return line;
}

ProgressLine::ProgressLine(bool quiet) : quiet_(quiet), terminal_(can_redraw()) {
  // A plain line says how it goes after a while; a bar shows at once.
  last_ = terminal_ ? Clock::time_point{} : Clock::now();
}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(const ProgressState& view) {
  if (quiet_) return;
  const Clock::time_point now = Clock::now();
  if (now - last_ < (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainEvery))) return;
  last_ = now;
  if (!terminal_) return put(plain_line(view) + "\n");
  const std::string line = bar_line(view, terminal_columns());
  drawn_ = line.size();
  put("\r" + line);
}

void ProgressLine::clear() {
  if (drawn_ == 0) return;
  put("\r" + std::string(drawn_, ' ') + "\r");
  drawn_ = 0;
  last_ = Clock::time_point{};
}

double Rate::per_second(double done) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return seconds > 0 ? (done - base_) / seconds : 0;
}

double Rate::seconds_left(double done, double all) const {
  const double rate = per_second(done);
  return rate > 0 ? (all - done) / rate : -1;
}

}  // namespace concertina::cli
