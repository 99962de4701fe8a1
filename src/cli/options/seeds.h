// The value of --seeds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace concertina::cli {

// "3" is 1 2 3; "1,5,9" is those. Throws UsageError.
std::vector<std::uint64_t> parse_seeds(const std::string& text);

}  // namespace concertina::cli
