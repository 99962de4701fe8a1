// Where in one block of memory buffers lie, so that two share bytes only when never alive together.
#pragma once

#include <cstdint>
#include <vector>

namespace concertina {

// Alive from step `first` to step `last`, both included.
struct Lifetime {
  std::int64_t floats = 0;
  int first = 0;
  int last = 0;
};

struct Arena {
  std::vector<std::int64_t> offsets;  // of each buffer, floats, multiples of 16 (64 bytes)
  std::int64_t floats = 0;            // of the whole block
};

// Largest first, each at the lowest place that is free for its life.
Arena place(const std::vector<Lifetime>& buffers);

}  // namespace concertina
