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
std::vector<bool> before_exit(const ResolvedNet& resolved, int exit) {
  std::vector<bool> needed(resolved.layers.size());
  needed[static_cast<std::size_t>(resolved.exits[static_cast<std::size_t>(exit)])] = true;
  for (std::size_t k = needed.size(); k-- > 0;) {
    if (!needed[k]) continue;
    for (const int input : resolved.layers[k].inputs) {
      needed[static_cast<std::size_t>(input)] = true;
    }
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
  struct Leaving {
    int exit, reader;
  };
  std::map<int, std::vector<Leaving>> forks;
  for (int exit = 0; exit < exits; ++exit) {
    const auto [fork, reader] = way_to(resolved, exit);
    // An exit behind several readers does not leave there: it is among what follows.
    const std::vector<bool> needed = before_exit(resolved, exit);
    const std::vector<int> readers = readers_of(resolved, fork);
    const auto leads = [&](int one) { return needed[static_cast<std::size_t>(one)]; };
    if (std::count_if(readers.begin(), readers.end(), leads) != 1) continue;
    forks[fork].push_back({exit, reader});
  }
  GradientShares shares;
  for (const auto& [fork, leaving] : forks) {
    if (leaving.front().exit + 1 == exits) continue;  // the last exit alone
    const double behind = exits - leaving.front().exit;
    for (const int each : readers_of(resolved, fork)) {
      shares[{fork, each}] = (behind - static_cast<double>(leaving.size())) / behind;
    }
    for (const Leaving& one : leaving) shares[{fork, one.reader}] = 1 / behind;
  }
  return shares;
}

}  // namespace concertina
