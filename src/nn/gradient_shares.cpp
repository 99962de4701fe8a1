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

}  // namespace

GradientShares gradient_shares(const ResolvedNet& resolved) {
  GradientShares shares;
  const auto exits = static_cast<int>(resolved.exits.size());
  for (int exit = 0; exit + 1 < exits; ++exit) {
    // Back from the exit to the map that others read too.
    int reader = resolved.exits[static_cast<std::size_t>(exit)];
    int fork = resolved.layers[static_cast<std::size_t>(reader)].inputs.front();
    while (fork > 0 && readers_of(resolved, fork).size() == 1) {
      reader = fork;
      fork = resolved.layers[static_cast<std::size_t>(reader)].inputs.front();
    }
    const double left = exits - exit;
    for (const int each : readers_of(resolved, fork)) {
      shares[{fork, each}] = each == reader ? 1 / left : (left - 1) / left;
    }
  }
  return shares;
}

}  // namespace concertina
