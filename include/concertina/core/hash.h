// SHA-256 of bytes (provenance) and CRC-32 (accidental damage of files; no protection from attack).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace concertina {

std::string sha256_hex(std::string_view bytes);                        // 64 lower-case hex digits
std::uint32_t crc32(std::string_view bytes, std::uint32_t start = 0);  // zlib's polynomial

}  // namespace concertina
