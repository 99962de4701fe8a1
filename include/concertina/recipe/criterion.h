// The criteria that an edge can name, as one table. Formulas: docs/methods.md, Losses, Losses of
// logits and Losses of features; distill/ computes them.
#pragma once

#include <string>
#include <vector>

namespace concertina {

enum class Criterion {
  ce,
  soft_ce,
  kl,
  mse,
  dkd,
  alpha,
  hint,
  normalized,
  pkt,
  pkt_cosine,
  pkt_student_t,
  pkt_combined,
  gram,
  pair,
};

// What a criterion compares.
enum class Compares {
  logits,    // [B, C] of both ends
  features,  // a tapped map or feature of both ends
  pairs,     // two tapped maps of both ends
};

// A number that belongs to one criterion, "alpha=1". A preset or a recipe may leave it out.
struct CriterionNumber {
  const char* name;
  double fallback;
  double low, high;
  bool whole = false;  // a whole number
};

struct CriterionEntry {
  const char* name;
  Criterion criterion;
  Compares compares;
  bool from_label;  // taught by the label; every other by a teacher
  bool tempered;    // of softmaxes at a temperature: takes temperature and t-power
  bool reduced;     // takes reduction
  const char* help;
  std::vector<CriterionNumber> numbers;
};

const std::vector<CriterionEntry>& criteria();
const CriterionEntry& entry_of(Criterion criterion);

// Adds a criterion that recipes can name from then on, and returns the identity that its edges
// have; the entry's own is ignored. `name` and `help`
// have to live as long as the process. distill/register_loss.h adds the function that computes it.
// To be called before any recipe is read: what criteria() returned is not valid afterwards. Throws
// UsageError for a name that is taken or is not made of lower-case letters, digits and dashes.
Criterion add_criterion(CriterionEntry entry);

// Compares maps channel by channel, so that both have to have as many.
inline bool is_channelwise(Criterion criterion) {
  return criterion == Criterion::hint || criterion == Criterion::normalized ||
         criterion == Criterion::gram;
}

// Its gradient may reach the teacher; AlphaNet's surrogate fixes what the teacher says.
inline bool can_go_through(Criterion criterion) { return criterion != Criterion::alpha; }

}  // namespace concertina
