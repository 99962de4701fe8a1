// Zip archives as torch.save writes them: stored entries, zip64 or not. Not for: compressed ones.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace concertina::zip {

inline constexpr std::string_view kMagic = "PK\x03\x04";

// The entries' bytes, by name; views of `bytes`. Throws DataError, with `where` in front: damaged,
// compressed, encrypted, or a name twice.
std::map<std::string, std::string_view> read(std::string_view bytes, const std::string& where);

// Every entry's bytes begin at a multiple of 64. Throws DataError beyond 4 GiB.
std::string write(const std::vector<std::pair<std::string, std::string_view>>& entries);

}  // namespace concertina::zip
