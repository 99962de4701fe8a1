#include "options/seeds.h"

#include <algorithm>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::cli {
namespace {

constexpr std::uint64_t kMostSeeds = 1000;

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

[[noreturn]] void refuse_seeds(const std::string& text) {
  throw UsageError("--seeds \"" + text + "\"; expected how many, from 1 to " +
                   std::to_string(kMostSeeds) + ", or different whole numbers such as 1,5,9");
}

}  // namespace

std::vector<std::uint64_t> parse_seeds(const std::string& text) {
  const std::vector<std::string> parts = split(text, ',');
  std::vector<std::uint64_t> seeds;
  for (const std::string& part : parts) {
    const std::optional<std::int64_t> number = parse_integer(part);
    if (!number || *number < 0) refuse_seeds(text);
    const auto seed = static_cast<std::uint64_t>(*number);
    if (contains(seeds, seed)) refuse_seeds(text);
    seeds.push_back(seed);
  }
  if (parts.size() > 1) return seeds;
  const std::uint64_t count = seeds.front();
  if (count < 1 || count > kMostSeeds) refuse_seeds(text);
  seeds.clear();
  for (std::uint64_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

}  // namespace concertina::cli
