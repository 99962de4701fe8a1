// Little-endian numbers and pieces out of bytes that nobody vouches for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "concertina/core/error.h"

namespace concertina::bytes {

// The unsigned number in `piece`, of at most 8 bytes.
inline std::uint64_t number(std::string_view piece) {
  std::uint64_t value = 0;
  for (std::size_t k = piece.size(); k-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(piece[k]);
  }
  return value;
}

// The same as bytes.
inline std::string text(std::uint64_t value, std::size_t count) {
  std::string piece;
  for (std::size_t k = 0; k < count; ++k) piece += static_cast<char>(value >> 8 * k & 0xffU);
  return piece;
}

// `count` bytes at `offset`. Throws DataError, with `where` in front, when they are not all there.
inline std::string_view piece(std::string_view all, std::uint64_t offset, std::uint64_t count,
                              const std::string& where) {
  if (offset > all.size() || count > all.size() - offset) {
    throw DataError(where + ": truncated or damaged: " + std::to_string(count) +
                    " bytes expected at byte " + std::to_string(offset) + ", the end is at " +
                    std::to_string(all.size()));
  }
  return all.substr(offset, count);
}

}  // namespace concertina::bytes
