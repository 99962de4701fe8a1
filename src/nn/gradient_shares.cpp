#include "gradient_shares.h"

#include <algorithm>
#include <vector>

namespace concertina {
namespace {

std::vector<int> readers_of(const ResolvedNet& resolved, int layer) {
  std::vector<int> readers;
  for (int k = 0; k < static_cast<int>(resolved.layers.size()); ++k) {
    const std::vector<int>& inputs = resolved.layers[static_cast<std::size_t>(k)].inputs;
    if (std::count(inputs.begin(), inputs.end(), layer) != 0) readers.push_back(k);
  }
  return readers;
}

// Which layers an exit depends on, itself among them.
std::vector<bool> behind_exit(const ResolvedNet& resolved, int exit) {
  std::vector<bool> needed(resolved.layers.size());
  needed[static_cast<std::size_t>(resolved.exits[static_cast<std::size_t>(exit)])] = true;
  for (std::size_t k = needed.size(); k-- > 0;) {
    if (!needed[k]) continue;
    for (const int input : resolved.layers[k].inputs)
      needed[static_cast<std::size_t>(input)] = true;
  }
  return needed;
}

struct Way {
  int fork;    // the last map on the way to an exit that others read too
  int reader;  // who reads it on that way
};

Way way_to(const ResolvedNet& resolved, int exit) {
  int reader = resolved.exits[static_cast<std::size_t>(exit)];
  int fork = resolved.layers[static_cast<std::size_t>(reader)].inputs.front();
  while (fork > 0 && readers_of(resolved, fork).size() == 1) {
    reader = fork;
    fork = resolved.layers[static_cast<std::size_t>(reader)].inputs.front();
  }
  return {fork, reader};
}

}  // namespace

GradientShares gradient_shares(const ResolvedNet& resolved) {
  const auto exits = static_cast<int>(resolved.exits.size());
  std::map<int, std::vector<int>> forks;  // the exits that leave there
  for (int exit = 0; exit < exits; ++exit) {
    const int fork = way_to(resolved, exit).fork;
    // The last exit is behind several of the readers, or behind all: it is what follows.
    const std::vector<bool> needed = behind_exit(resolved, exit);
    const std::vector<int> readers = readers_of(resolved, fork);
    const auto leads = [&](int reader) { return needed[static_cast<std::size_t>(reader)]; };
    if (std::count_if(readers.begin(), readers.end(), leads) == 1) forks[fork].push_back(exit);
  }
  GradientShares shares;
  for (const auto& [fork, leaving] : forks) {
    if (leaving.front() + 1 == exits) continue;  // the last exit alone: nothing is behind
    const double behind = exits - leaving.front();
    for (const int each : readers_of(resolved, fork)) {
      shares[{fork, each}] = (behind - static_cast<double>(leaving.size())) / behind;
    }
    for (const int exit : leaving) shares[{fork, way_to(resolved, exit).reader}] = 1 / behind;
  }
  return shares;
}

}  // namespace concertina
