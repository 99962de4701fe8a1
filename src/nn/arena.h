// Where in one block of memory buffers lie, so that two share bytes only when never alive together.
#pragma once

#include <cstdint>
#include <vector>

namespace concertina::fused {

// Alive from step `first` to step `last`, both included.
struct Lifetime {
  std::int64_t size = 0;  // elements
  int first = 0;
  int last = 0;
};

struct Arena {
  std::vector<std::int64_t> offsets;  // of each buffer, multiples of 32 elements
  std::int64_t size = 0;              // of the whole block
};

// Largest first, each at the lowest place that is free for its life.
Arena place(const std::vector<Lifetime>& buffers);

}  // namespace concertina::fused
