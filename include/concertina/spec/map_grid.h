// The values that a map of few bits can have (docs/methods.md, Switchable precision).
#pragma once

namespace concertina {

// 0, step, 2 step and so on up to top.
struct MapGrid {
  double top = 0;
  double step = 0;
};

// Throws ProgrammingError unless bits is 1 to Width::kMostBits. The nearest of them is
// floor(min(max(x, 0), top) * (1 / step) + 0.5)
// * step, wherever it is computed.
MapGrid map_grid(int bits);

}  // namespace concertina
