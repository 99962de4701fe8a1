#include "concertina/core/hash.h"

#include <array>
#include <stdexcept>

#include <openssl/evp.h>
#include <zlib.h>

namespace concertina {

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("OpenSSL gave no SHA-256 digest");
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * size);
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[digest[i] >> 4U];
    hex += kDigits[digest[i] & 15U];
  }
  return hex;
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t start) {
  // zlib takes a null pointer as "give the start value" and forgets `start`.
  if (bytes.empty()) return start;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  return static_cast<std::uint32_t>(::crc32_z(start, data, bytes.size()));
}

}  // namespace concertina
