#include "arena.h"

#include <random>

#include <gtest/gtest.h>

namespace concertina::fused {
namespace {

bool overlap(std::int64_t a, std::int64_t a_size, std::int64_t b, std::int64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

TEST(Arena, BuffersThatLiveTogetherShareNothing) {
  std::mt19937 random(1);
  const auto below = [&](int bound) {
    return static_cast<int>(random() % static_cast<unsigned>(bound));
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> buffers;
    for (int k = 0; k < 30; ++k) {
      const int first = below(40);
      buffers.push_back({1 + below(500), first, first + below(10)});
    }
    const Arena arena = place(buffers);
    for (std::size_t a = 0; a < buffers.size(); ++a) {
      EXPECT_EQ(arena.offsets[a] % 32, 0);
      EXPECT_LE(arena.offsets[a] + buffers[a].size, arena.size);
      for (std::size_t b = 0; b < a; ++b) {
        if (buffers[a].first > buffers[b].last || buffers[b].first > buffers[a].last) continue;
        EXPECT_FALSE(overlap(arena.offsets[a], buffers[a].size, arena.offsets[b], buffers[b].size));
      }
    }
  }
}

TEST(Arena, ALineOfBuffersTakesTheRoomOfTheLargestTwo) {
  const Arena arena = place({{160, 0, 1}, {320, 1, 2}, {64, 2, 3}, {160, 3, 4}});
  EXPECT_EQ(arena.size, 480);
}

}  // namespace
}  // namespace concertina::fused
