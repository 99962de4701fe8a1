// Greedy slimming. Source: docs/methods.md, Search.
#include <algorithm>
#include <tuple>

#include "concertina/select/search.h"

namespace concertina {
namespace {

constexpr int kSteps = 32;  // about how many from the widest to the narrowest

double macs_of(const Measurement& row) { return static_cast<double>(row.cost.macs); }

// More accurate, or as accurate with less loss, or with fewer MACs.
bool better(const Measurement& a, const Measurement& b) {
  return std::tuple(-a.accuracy, a.loss, a.cost.macs) <
         std::tuple(-b.accuracy, b.loss, b.cost.macs);
}

// One stage slimmed until `saved` MACs are gone, or as far as it goes.
Choices slimmed(const SearchSpace& space, const Choices& from, std::size_t stage, double saved) {
  const double macs = macs_of(space.describe(from));
  Choices choices = from;
  do {
    --choices[stage];
  } while (choices[stage] > 0 && macs - macs_of(space.describe(choices)) < saved);
  return choices;
}

// The best of the next steps; null when the search is to stop.
const Measurement* best_step(SearchArchive& archive, const Choices& from, double saved) {
  std::optional<Measurement> best;
  for (std::size_t stage = 0; stage < from.size(); ++stage) {
    if (from[stage] == 0) continue;
    const Measurement* row = archive.measure(slimmed(archive.space(), from, stage, saved));
    if (row == nullptr) return nullptr;
    if (!best || better(*row, *best)) best = *row;
  }
  return archive.measure(archive.choices_of(*best));
}

}  // namespace

bool search_greedy(SearchArchive& archive, const Budget& budget) {
  check_reachable(archive.space(), budget);
  const double least = macs_of(archive.space().describe(archive.space().narrowest()));
  const Measurement* row = archive.measure(archive.space().widest());
  if (row == nullptr) return false;
  const double most = macs_of(*row);
  const double goal = std::clamp(budget.max_macs.value_or(least), least, most);
  while (!fits(*row, budget)) {
    const double macs = macs_of(*row);
    archive.report("greedy", most > goal ? std::clamp((most - macs) / (most - goal), 0.0, 1.0) : 1);
    const double missing = macs - budget.max_macs.value_or(0);
    const double step = (most - least) / kSteps;
    const Choices from = archive.choices_of(*row);
    row = best_step(archive, from, missing > 0 ? std::min(step, missing) : step);
    if (row == nullptr) return false;
  }
  return true;
}

}  // namespace concertina
