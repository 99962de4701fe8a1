// The evolution. Source: docs/methods.md, Search.
#include <algorithm>

#include "concertina/core/random.h"
#include "concertina/select/search.h"

namespace concertina {
namespace {

constexpr int kAttempts = 50;        // for each new network, until the space counts as exhausted
constexpr std::uint32_t kReach = 3;  // a mutation moves a stage by 1 to this many choices

using std::size_t;

class Evolution {
 public:
  Evolution(SearchArchive& archive, const Budget& budget, const EvolutionSetting& setting)
      : archive_(archive), space_(archive.space()), budget_(budget), setting_(setting) {}

  bool run() {
    for (int generation = 0; generation <= setting_.generations; ++generation) {
      CounterRandom random(setting_.seed, Stream::search, static_cast<std::uint32_t>(generation));
      const std::vector<Choices> young = generation == 0 ? founders(random) : children(random);
      for (size_t k = 0; k < young.size(); ++k) {
        archive_.report(name_of(generation),
                        static_cast<double>(k) / static_cast<double>(young.size()));
        if (archive_.measure(young[k]) == nullptr) return false;
      }
    }
    return true;
  }

 private:
  std::string name_of(int generation) const {
    return "generation " + std::to_string(generation) + "/" + std::to_string(setting_.generations);
  }

  size_t population() const { return static_cast<size_t>(setting_.population); }
  bool fits(const Choices& choices) const {
    return concertina::fits(space_.describe(choices), budget_);
  }

  std::vector<Choices> founders(CounterRandom& random) const {
    std::vector<Choices> young;
    const std::vector<Choices>& uniform = space_.uniform();
    for (auto one = uniform.rbegin(); one != uniform.rend(); ++one) {
      if (2 * young.size() < population() && fits(*one)) young.push_back(*one);
    }
    fill(young, [&] {
      Choices choices;
      for (int stage = 0; stage < space_.stages(); ++stage) {
        choices.push_back(below(random, space_.options(stage)));
      }
      return into_budget(choices, random);
    });
    return young;
  }

  std::vector<Choices> children(CounterRandom& random) const {
    const std::vector<Choices> among = parents();
    const auto any = [&] { return among[random.below(static_cast<std::uint32_t>(among.size()))]; };
    std::vector<Choices> young;
    fill(young, [&] {
      Choices child = any();
      if (random.below(2) == 0) child = crossed(child, any(), random);
      return into_budget(mutated(child, random), random);
    });
    return young;
  }

  // Adds what `make` gives and nobody knows yet, until the generation is full.
  template <class Make>
  void fill(std::vector<Choices>& young, const Make& make) const {
    for (int attempt = 0; young.size() < population() && attempt < kAttempts * setting_.population;
         ++attempt) {
      Choices one = make();
      if (archive_.knows(one) || std::find(young.begin(), young.end(), one) != young.end())
        continue;
      young.push_back(std::move(one));
    }
  }

  // Half a population of what fits: the Pareto front, then the front of the rest, and so on; of
  // each the most accurate first, which are those nearest to the budget.
  std::vector<Choices> parents() const {
    std::vector<Measurement> rest;
    for (const Measurement& row : archive_.rows()) {
      if (concertina::fits(row, budget_)) rest.push_back(row);
    }
    std::vector<Choices> result;
    while (!rest.empty() && (result.empty() || 2 * result.size() < population())) {
      const std::vector<Measurement> front = pareto_front(rest, CostAxis::macs);
      if (front.empty()) break;
      for (auto row = front.rbegin(); row != front.rend(); ++row) {
        if (result.empty() || 2 * result.size() < population()) {
          result.push_back(archive_.choices_of(*row));
        }
      }
      rest.erase(std::remove_if(rest.begin(), rest.end(),
                                [&](const Measurement& row) { return contains(front, row); }),
                 rest.end());
    }
    return result;
  }

  static bool contains(const std::vector<Measurement>& rows, const Measurement& one) {
    return std::any_of(rows.begin(), rows.end(),
                       [&](const Measurement& row) { return row.subnet == one.subnet; });
  }

  static int below(CounterRandom& random, int bound) {
    return static_cast<int>(random.below(static_cast<std::uint32_t>(bound)));
  }

  static Choices crossed(Choices a, const Choices& b, CounterRandom& random) {
    for (size_t stage = 0; stage < a.size(); ++stage) {
      if (random.below(2) == 0) a[stage] = b[stage];
    }
    return a;
  }

  // One stage for certain, each other with one chance in as many as there are.
  Choices mutated(Choices choices, CounterRandom& random) const {
    const int certain = below(random, space_.stages());
    for (int stage = 0; stage < space_.stages(); ++stage) {
      if (stage != certain && below(random, space_.stages()) != 0) continue;
      const int step = 1 + below(random, static_cast<int>(kReach));
      int& choice = choices[static_cast<size_t>(stage)];
      choice += random.below(2) == 0 ? step : -step;
      choice = std::clamp(choice, 0, space_.options(stage) - 1);
    }
    return choices;
  }

  // Random stages slimmed, one choice at a time, until it fits; the narrowest does.
  Choices into_budget(Choices choices, CounterRandom& random) const {
    while (!fits(choices)) {
      int& choice = choices[static_cast<size_t>(below(random, space_.stages()))];
      choice = std::max(0, choice - 1);
    }
    return choices;
  }

  SearchArchive& archive_;
  const SearchSpace& space_;
  const Budget& budget_;
  const EvolutionSetting& setting_;
};

}  // namespace

bool search_evolution(SearchArchive& archive, const Budget& budget,
                      const EvolutionSetting& setting) {
  check_reachable(archive.space(), budget);
  return Evolution(archive, budget, setting).run();
}

}  // namespace concertina
