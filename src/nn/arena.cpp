#include "arena.h"

#include <algorithm>
#include <numeric>

namespace concertina::fused {
namespace {

constexpr std::int64_t kAlignment = 32;

std::int64_t rounded(std::int64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

bool together(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

struct Taken {
  std::int64_t begin, end;
};

std::int64_t lowest_gap(std::vector<Taken> taken, std::int64_t size) {
  std::sort(taken.begin(), taken.end(), [](Taken a, Taken b) { return a.begin < b.begin; });
  std::int64_t place = 0;
  for (const Taken& one : taken) {
    if (one.begin - place >= size) break;
    place = std::max(place, one.end);
  }
  return place;
}

}  // namespace

Arena place(const std::vector<Lifetime>& buffers) {
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return buffers[a].size > buffers[b].size; });
  Arena arena;
  arena.offsets.resize(buffers.size());
  std::vector<std::size_t> placed;
  for (const std::size_t one : order) {
    const std::int64_t size = rounded(buffers[one].size);
    std::vector<Taken> taken;
    for (const std::size_t other : placed) {
      if (!together(buffers[one], buffers[other])) continue;
      const std::int64_t begin = arena.offsets[other];
      taken.push_back({begin, begin + rounded(buffers[other].size)});
    }
    arena.offsets[one] = lowest_gap(std::move(taken), size);
    arena.size = std::max(arena.size, arena.offsets[one] + size);
    placed.push_back(one);
  }
  return arena;
}

}  // namespace concertina::fused
