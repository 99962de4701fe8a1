#include "concertina/recipe/value_schedule.h"

#include <algorithm>
#include <cmath>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "names.h"

namespace concertina {
namespace {

using Kind = ValueSchedule::Kind;

constexpr double kPi = 3.14159265358979323846;
constexpr Name<Kind> kKinds[] = {{"linear", Kind::linear},
                                 {"cosine", Kind::cosine},
                                 {"exponential", Kind::exponential},
                                 {"ramp", Kind::ramp},
                                 {"step", Kind::step}};
constexpr const char* kForms =
    "a number, linear(A,B), linear(A,B,FROM,TO), "
    "cosine(...), exponential(A,G), exponential(A,G,LEAST), ramp(A,TO) or "
    "step(A,B@TURN,...)";

[[noreturn]] void refuse(std::string_view text) {
  throw UsageError("expected " + std::string(kForms) + ", found \"" + std::string(text) + "\"");
}

double read_number(const std::string& word, std::string_view whole) {
  const std::optional<double> value = parse_real(word);
  if (!value) refuse(whole);
  return *value;
}

Turn read_turn(const std::string& word, std::string_view whole) {
  const bool in_epochs = !word.empty() && word.back() == 'e';
  const double value = read_number(in_epochs ? word.substr(0, word.size() - 1) : word, whole);
  if (value < 0 || (!in_epochs && value > 1)) {
    throw UsageError(
        "a turn is a share of the run, 0 to 1, or an epoch such "
        "as 80e; found \"" +
        word + "\"");
  }
  return {value, in_epochs};
}

std::string turn_text(const Turn& turn) {
  return format_real(turn.value) + (turn.in_epochs ? "e" : "");
}

void read_steps(const std::vector<std::string>& words, std::string_view whole,
                ValueSchedule& schedule) {
  schedule.first = read_number(words[0], whole);
  for (std::size_t k = 1; k < words.size(); ++k) {
    const std::size_t at = words[k].find('@');
    if (at == std::string::npos) refuse(whole);
    schedule.steps.emplace_back(read_number(words[k].substr(0, at), whole),
                                read_turn(words[k].substr(at + 1), whole));
  }
}

// Between two values and two turns.
void read_slope(const std::vector<std::string>& words, std::string_view whole,
                ValueSchedule& schedule) {
  if (words.size() != 2 && words.size() != 4) refuse(whole);
  schedule.first = read_number(words[0], whole);
  schedule.second = read_number(words[1], whole);
  if (words.size() == 2) return;
  schedule.from = read_turn(words[2], whole);
  schedule.to = read_turn(words[3], whole);
  if (schedule.from.in_epochs != schedule.to.in_epochs ||
      schedule.from.value >= schedule.to.value) {
    throw UsageError("expected two rising turns of one kind, found \"" + std::string(whole) + "\"");
  }
}

// How far `now` is between two turns, 0 to 1.
double done(const ValueSchedule& schedule, const Moment& now) {
  const double place = schedule.from.in_epochs ? now.epoch : now.share;
  const double length = schedule.to.value - schedule.from.value;
  return std::clamp((place - schedule.from.value) / length, 0.0, 1.0);
}

double ramp(const ValueSchedule& schedule, const Moment& now) {
  const double place = schedule.to.in_epochs ? std::floor(now.epoch) : now.share;
  const double left = 1 - std::min(place, schedule.to.value) / schedule.to.value;
  return schedule.first * std::exp(-5 * left * left);
}

double stepped(const ValueSchedule& schedule, const Moment& now) {
  double value = schedule.first;
  for (const auto& [next, turn] : schedule.steps) {
    if (turn.is_past(now)) value = next;
  }
  return value;
}

}  // namespace

double ValueSchedule::at(const Moment& now) const {
  switch (kind) {
    case Kind::constant:
      return first;
    case Kind::linear:
      return first + (second - first) * done(*this, now);
    case Kind::cosine:
      return second + (first - second) * (1 + std::cos(kPi * done(*this, now))) / 2;
    case Kind::exponential:
      return std::max(least, first * std::pow(second, std::floor(now.epoch)));
    case Kind::ramp:
      return ramp(*this, now);
    case Kind::step:
      return stepped(*this, now);
  }
  return first;
}

std::pair<double, double> ValueSchedule::range() const {
  double low = first, high = first;
  const auto reach = [&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  };
  if (kind == Kind::linear || kind == Kind::cosine) reach(second);
  if (kind == Kind::exponential) reach(least);
  if (kind == Kind::ramp) reach(first * std::exp(-5));
  for (const auto& [value, turn] : steps) reach(value);
  return {low, high};
}

ValueSchedule parse_schedule(std::string_view text) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos) return ValueSchedule(read_number(std::string(text), text));
  if (text.back() != ')') refuse(text);
  const std::string name(text.substr(0, open));
  ValueSchedule schedule;
  schedule.kind = pick("schedule", name, kKinds);
  const std::vector<std::string> words =
      split(std::string(text.substr(open + 1, text.size() - open - 2)), ',');
  switch (schedule.kind) {
    case Kind::linear:
    case Kind::cosine:
      read_slope(words, text, schedule);
      return schedule;
    case Kind::step:
      read_steps(words, text, schedule);
      return schedule;
    default:
      break;
  }
  const bool exponential = schedule.kind == Kind::exponential;
  if (words.size() != 2 && !(exponential && words.size() == 3)) refuse(text);
  schedule.first = read_number(words[0], text);
  if (exponential) {
    if (words.size() == 3) schedule.least = read_number(words[2], text);
    if (schedule.least < 0 || schedule.least > schedule.first) refuse(text);
    schedule.second = read_number(words[1], text);
    if (schedule.second <= 0 || schedule.second > 1) {
      throw UsageError("exponential: expected a factor above 0 and at most 1, found \"" + words[1] +
                       "\"");
    }
  } else {
    schedule.to = read_turn(words[1], text);
    if (schedule.to.value == 0) refuse(text);
  }
  return schedule;
}

std::string schedule_text(const ValueSchedule& schedule) {
  const std::string first = format_real(schedule.first);
  if (schedule.kind == Kind::constant) return first;
  std::string text = text_of(schedule.kind, kKinds) + "(" + first;
  if (schedule.kind == Kind::linear || schedule.kind == Kind::cosine) {
    text += "," + format_real(schedule.second);
    const bool whole = !schedule.from.in_epochs && schedule.from.value == 0 &&
                       !schedule.to.in_epochs && schedule.to.value == 1;
    if (!whole) text += "," + turn_text(schedule.from) + "," + turn_text(schedule.to);
  }
  if (schedule.kind == Kind::exponential) {
    text += "," + format_real(schedule.second);
    if (schedule.least > 0) text += "," + format_real(schedule.least);
  }
  if (schedule.kind == Kind::ramp) text += "," + turn_text(schedule.to);
  for (const auto& [value, turn] : schedule.steps) {
    text += "," + format_real(value) + "@" + turn_text(turn);
  }
  return text + ")";
}

}  // namespace concertina
