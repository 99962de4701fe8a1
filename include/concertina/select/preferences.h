// Which sub-model fits what decision makers prefer, said by comparisons of alternatives.
// Torch-free. Sources, and what is ours: docs/methods.md, Choosing by preferences. Not for: the
// file that the comparisons stand in (cli), limits (select/select.h).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "concertina/core/text.h"
#include "concertina/select/select.h"
#include "concertina/spec/measurement.h"

namespace concertina {

// The attributes that sub-models are compared by: the columns of a sweep.
enum class Attribute { accuracy, macs, params, bytes, memory, latency };
constexpr std::size_t kAttributes = 6;
const char* attribute_name(Attribute attribute);
Attribute parse_attribute(const std::string& text);  // throws UsageError naming the nearest
Unit attribute_unit(Attribute attribute);            // of its figures (core/text.h)

// A figure an attribute, in the units of Measurement; NaN: none.
using Figures = std::array<double, kAttributes>;
Figures figures_of(const Measurement& row);
Figures no_figures();

// A sub-model, or a hypothetical one that names some figures only: it is like the other one of its
// statement in all else.
struct Alternative {
  Figures figures = no_figures();
  bool submodel = false;
};

// The left one is preferred, or the two are equal in value.
struct Statement {
  Alternative left, right;
  bool equal = false;
  std::string text;   // "w0.500 > w0.250"
  std::string place;  // "prefs.ini:4", for messages
};

struct Maker {
  std::string name;
  double importance = 1;  // against the other makers', 0.01 to 100; 0: as if absent
  std::vector<Statement> statements;
};

// How strength grows from 0 (worst) to 1 (best) over a cost's figures; accuracy is always linear.
enum class CostScale { linear, log };
// Weights that are 1 together, or that miss it where this lets more of the statements hold.
enum class WeightSum { one, free };

struct Preferences {
  std::vector<Maker> makers = {};
  std::vector<Attribute> attributes = {};  // count besides those that hypothetical ones name
  double margin = 0.001;                   // by which the value of a preferred one is to be greater
  CostScale scale = CostScale::linear;
  WeightSum sum = WeightSum::one;
};

// How a statement was met.
struct Verdict {
  double difference = 0;     // in value, left minus right
  double missing = 0;        // what the difference lacks; 0: it holds
  double missing_alone = 0;  // the same when its maker's statements are the only ones
};

struct Valued {
  Measurement row;
  double value = 0;
};

struct PreferredChoice {
  std::vector<Attribute> attributes;           // those that count
  std::vector<double> weights;                 // one each, not negative
  std::vector<Valued> ranking;                 // of what fits the budget; the choice first
  std::vector<std::string> rivals;             // ids chosen by other weights that miss no more
  std::vector<std::vector<Verdict>> verdicts;  // as the makers' statements; none of importance 0
  std::size_t unmeasured = 0;                  // rows that fit, but lack a figure that counts
};

// The row of the highest value among those that fit and have every figure that counts; of equal
// ones the one that choose() prefers. Throws UsageError for a statement that no weights can meet or
// that cannot be read (naming its place), or without any statement; NoChoiceError as choose(), or
// when no row has all figures, or when all weights are 0.
PreferredChoice choose_preferred(const std::vector<Measurement>& rows, const Budget& budget,
                                 const Preferences& preferences);

}  // namespace concertina
