// Gradient equilibrium (docs/methods.md): by how much a map's gradient is multiplied on its way
// back from each reader. Files of this room only.
#pragma once

#include <map>
#include <utility>

#include "concertina/spec/resolve.h"

namespace concertina {

// (layer, reader), indexes into ResolvedNet::layers -> factor; what is not there is 1.
using GradientShares = std::map<std::pair<int, int>, double>;

// Where exit i of N, counted from 0, leaves the net: 1 / (N - i) towards the exit, and (N - i - 1)
// / (N - i) towards the layers that follow. Where k exits leave, the first of them i: 1 / (N - i)
// towards each, and (N - i - k) / (N - i).
GradientShares gradient_shares(const ResolvedNet& resolved);

}  // namespace concertina
