// The sandwich rule (docs/methods.md, Universally slimmable networks).
#include <algorithm>
#include <functional>

#include "concertina/core/random.h"
#include "concertina/recipe/recipe.h"

namespace concertina {
namespace {

// Floyd's algorithm: `count` different numbers below `bound`, each set equally likely.
std::vector<int> draw(CounterRandom random, int count, int bound) {
  std::vector<int> drawn;
  for (int last = std::max(bound - count, 0); last < bound; ++last) {
    const int candidate = static_cast<int>(random.below(static_cast<std::uint32_t>(last) + 1));
    const bool taken = std::find(drawn.begin(), drawn.end(), candidate) != drawn.end();
    drawn.push_back(taken ? last : candidate);
  }
  return drawn;
}

}  // namespace

std::vector<Width> active_widths(const Recipe& recipe, const std::vector<Width>& listed,
                                 std::int64_t step) {
  std::vector<Width> active = listed;
  std::sort(active.begin(), active.end(), std::greater<>());
  if (recipe.random_widths < 0 || active.size() < 2) return active;
  const int low = active.back().thousandths();
  const int between = active.front().thousandths() - low - 1;
  active = {active.front(), active.back()};
  const CounterRandom random(recipe.seed, Stream::sample_width, static_cast<std::uint32_t>(step));
  for (const int place : draw(random, static_cast<int>(recipe.random_widths), between)) {
    active.push_back(Width::from_thousandths(low + 1 + place));
  }
  std::sort(active.begin(), active.end(), std::greater<>());
  return active;
}

}  // namespace concertina
