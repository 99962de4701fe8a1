#include "concertina/recipe/criterion.h"

#include <algorithm>
#include <string>
#include <utility>

#include "concertina/core/error.h"

namespace concertina {
namespace {

// Built-in criteria, and behind them those that were added.
std::vector<CriterionEntry>& table() {
  static std::vector<CriterionEntry> entries = {
      {"ce",
       Criterion::ce,
       Compares::logits,
       true,
       true,
       false,
       "- log p_student[label]",
       {{"smoothing", 0, 0, 0.999}}},
      {"soft-ce",
       Criterion::soft_ce,
       Compares::logits,
       false,
       true,
       true,
       "- sum over classes of p_teacher log p_student",
       {}},
      {"kl",
       Criterion::kl,
       Compares::logits,
       false,
       true,
       true,
       "sum over classes of p_teacher (log p_teacher - log p_student)",
       {{"offset", 0, 0, 0.001}}},
      {"mse",
       Criterion::mse,
       Compares::logits,
       false,
       false,
       true,
       "sum over classes of (z_teacher - z_student)^2",
       {}},
      {"dkd",
       Criterion::dkd,
       Compares::logits,
       false,
       true,
       true,
       "alpha KL of the label against the rest, plus beta KL among the rest",
       {{"alpha", 1, 0, 1000}, {"beta", 8, 0, 1000}}},
      {"alpha",
       Criterion::alpha,
       Compares::logits,
       false,
       true,
       true,
       "the larger of the alpha-divergences at alpha-min and alpha-max, "
       "clipped",
       {{"alpha-min", -1, -10, 10}, {"alpha-max", 1, -10, 10}, {"clip", 5, 0.001, 1000}}},
      {"hint",
       Criterion::hint,
       Compares::features,
       false,
       false,
       true,
       "squared differences of the two maps",
       {}},
      {"normalized",
       Criterion::normalized,
       Compares::features,
       false,
       false,
       false,
       "mean square of the difference of the two maps, each of length 1",
       {}},
      {"pkt",
       Criterion::pkt,
       Compares::features,
       false,
       false,
       false,
       "KL of the cosine similarities among the batch's images",
       {}},
      {"pkt-cosine",
       Criterion::pkt_cosine,
       Compares::features,
       false,
       false,
       false,
       "Jeffreys divergence of the same",
       {}},
      {"pkt-student-t",
       Criterion::pkt_student_t,
       Compares::features,
       false,
       false,
       false,
       "Jeffreys divergence of similarities by Student's t",
       {}},
      {"pkt-combined",
       Criterion::pkt_combined,
       Compares::features,
       false,
       false,
       false,
       "the sum of the two before",
       {}},
      {"gram",
       Criterion::gram,
       Compares::pairs,
       false,
       false,
       true,
       "squared differences of the matrices that two maps of each net form",
       {}},
      {"pair",
       Criterion::pair,
       Compares::features,
       true,
       false,
       false,
       "contrastive loss of the batch's consecutive pairs",
       {{"margin", 1, 0.001, 1000}}},
  };
  return entries;
}

void check_name(const std::string& name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_allowed)) {
    throw UsageError("criterion \"" + name +
                     "\"; expected a name of lower-case letters, digits and dashes");
  }
  const auto is_taken = [&](const CriterionEntry& entry) { return entry.name == name; };
  if (std::any_of(table().begin(), table().end(), is_taken)) {
    throw UsageError("criterion \"" + name + "\" is there already; expected a new name");
  }
}

}  // namespace

const std::vector<CriterionEntry>& criteria() { return table(); }

Criterion add_criterion(CriterionEntry entry) {
  check_name(entry.name);
  entry.criterion = static_cast<Criterion>(table().size());
  table().push_back(std::move(entry));
  return table().back().criterion;
}

const CriterionEntry& entry_of(Criterion criterion) {
  const auto is_it = [&](const CriterionEntry& entry) { return entry.criterion == criterion; };
  return *std::find_if(criteria().begin(), criteria().end(), is_it);
}

}  // namespace concertina
