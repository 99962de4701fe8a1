// Schedules of an edge's weight, temperature and teacher: pure functions of the place in the run,
// so that a resumed run takes the same steps. Formulas and text forms: docs/recipes.md, Moving
// values.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace concertina {

// A place in a run, or in the stage of it that is being trained.
struct Moment {
  double epoch = 0;  // epochs done, with the done part of the one that is running
  double share = 0;  // of the whole, 0 to 1
};

// Where a schedule turns: a share of the whole ("0.5"), or an epoch ("80e").
struct Turn {
  double value = 0;
  bool in_epochs = false;

  bool is_past(const Moment& now) const { return (in_epochs ? now.epoch : now.share) >= value; }
};

struct ValueSchedule {
  enum class Kind {
    constant,     // V
    linear,       // linear(A,B) or linear(A,B,FROM,TO): straight from A to B between two turns
    cosine,       // cosine(A,B) or cosine(A,B,FROM,TO): half a cosine
    exponential,  // exponential(A,G) or (A,G,LEAST): A G^e, e the epochs finished, at least LEAST
    ramp,  // ramp(A,TO): A exp(-5 (1 - min(t, TO) / TO)^2), t in finished epochs or the share
    step,  // step(A,B@TURN,...): A, then B from the turn on
  };
  Kind kind = Kind::constant;
  double first = 1;   // V, A
  double second = 1;  // B, G
  double least = 0;   // LEAST
  Turn from{0, false};
  Turn to{1, false};
  std::vector<std::pair<double, Turn>> steps;

  ValueSchedule() = default;
  explicit ValueSchedule(double value) : first(value), second(value) {}

  double at(const Moment& now) const;
  // The least and the most it can ever be.
  std::pair<double, double> range() const;
};

// Reads the forms above, without spaces. Throws UsageError saying what was found and expected.
ValueSchedule parse_schedule(std::string_view text);
std::string schedule_text(const ValueSchedule& schedule);

}  // namespace concertina
