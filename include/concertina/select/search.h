// The search for widths with a share a stage: greedy slimming and an evolution, over one archive.
// Torch-free: what a sub-model is worth comes from a callback. Sources and our choices:
// docs/methods.md, Search. The order of evaluations depends on the arguments alone, so a search
// that begins anew with its evaluations kept elsewhere (store/search_file.h) repeats itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "concertina/select/search_space.h"
#include "concertina/select/select.h"

namespace concertina {

struct Quality {
  double accuracy = 0;  // fraction
  double loss = 0;      // mean cross-entropy, nats
};

struct SearchHooks {
  // Evaluates a sub-model; nothing means that the search is to stop.
  std::function<std::optional<Quality>(const Subnet&)> evaluate;
  // Told what the search does ("greedy", "generation 2/8") and the fraction of that done.
  std::function<void(const std::string& task, double share)> progress;
};

// Every network tried, each once, in the order in which it was.
class SearchArchive {
 public:
  SearchArchive(const SearchSpace& space, SearchHooks hooks)
      : space_(space), hooks_(std::move(hooks)) {}

  const SearchSpace& space() const { return space_; }
  // Its row, evaluated now or before; null when the search is to stop.
  const Measurement* measure(const Choices& choices);
  bool knows(const Choices& choices) const { return place_.count(choices) != 0; }
  const std::vector<Measurement>& rows() const { return rows_; }
  const Choices& choices_of(const Measurement& row) const { return choices_.at(row.subnet); }
  void report(const std::string& task, double share) const { hooks_.progress(task, share); }

 private:
  const SearchSpace& space_;
  SearchHooks hooks_;
  std::vector<Measurement> rows_;
  std::map<Choices, std::size_t> place_;
  std::map<Subnet, Choices> choices_;
};

// Throws NoChoiceError when not even the narrowest fits.
void check_reachable(const SearchSpace& space, const Budget& budget);

// From the widest down until the budget is met: in every step each stage is slimmed by as many
// choices as save a thirty-second of the MACs between the widest and the narrowest (or as many as
// are missing, or all it has), and the most accurate of these is kept (then the lower loss, then
// fewer MACs). False when it was stopped. Throws NoChoiceError as check_reachable.
bool search_greedy(SearchArchive& archive, const Budget& budget);

struct EvolutionSetting {
  int population = 24;  // new networks a generation
  int generations = 8;  // after the first
  std::uint64_t seed = 1;
};

// The first generation: the uniform widths that fit, at most half of it, and random ones. Each
// further one: crossed and mutated from parents of the archive, by Pareto rank in accuracy and
// MACs, the most accurate first. Only what fits the budget is evaluated. False when it was stopped.
// Throws NoChoiceError as check_reachable.
bool search_evolution(SearchArchive& archive, const Budget& budget,
                      const EvolutionSetting& setting);

}  // namespace concertina
