// Gradient equilibrium (docs/methods.md): by how much a map's gradient is multiplied on its way
// back from each reader. Files of this room only.
#pragma once

#include <map>
#include <utility>

#include "concertina/spec/resolve.h"

namespace concertina {

// (layer, reader), indexes into ResolvedNet::layers -> factor; what is not there is 1.
using GradientShares = std::map<std::pair<int, int>, double>;

// Where k exits of N leave the net, the first of them exit i, counted from 0: 1 / (N - i) towards
// each of them, and (N - i - k) / (N - i) towards the layers that follow.
GradientShares gradient_shares(const ResolvedNet& resolved);

}  // namespace concertina
