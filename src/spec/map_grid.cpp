#include "concertina/spec/map_grid.h"

#include <cstddef>
#include <string>

#include "concertina/core/error.h"
#include "concertina/spec/width.h"

namespace concertina {
namespace {

// Of 1, 2 ... bits: those whose evenly spaced values are nearest, in the mean square, to what a
// ReLU leaves of a standard normal number, as a norm gives it.
constexpr double kTops[] = {1.224, 1.9523, 2.4739, 2.8987, 3.2701, 3.6075, 3.9205, 4.2147};
static_assert(sizeof kTops / sizeof *kTops == Width::kMostBits, "one top for each number of bits");

}  // namespace

MapGrid map_grid(int bits) {
  if (bits < 1 || bits > Width::kMostBits) {
    throw ProgrammingError("map of " + std::to_string(bits) + " bits; expected 1 to " +
                           std::to_string(Width::kMostBits));
  }
  const double top = kTops[static_cast<std::size_t>(bits) - 1];
  return {top, top / ((1 << bits) - 1)};
}

}  // namespace concertina
