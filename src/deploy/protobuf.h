// Writes protobuf's wire format: as much of it as an ONNX file needs. A message is the bytes of its
// fields one after another, so it is built from the inside out. Not for: reading.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace concertina::deploy {

class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    key(field, kVarint);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }

  Message& real(int field, float value) {
    key(field, kFixed32);
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    for (unsigned shift = 0; shift < 32; shift += 8) byte(bits >> shift);
    return *this;
  }

  // A string, raw bytes, or the bytes of another message.
  Message& text(int field, std::string_view value) {
    key(field, kLengthDelimited);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }

  const std::string& bytes() const { return bytes_; }

 private:
  enum Kind : unsigned { kVarint = 0, kLengthDelimited = 2, kFixed32 = 5 };

  void key(int field, Kind kind) { varint(static_cast<std::uint64_t>(field) << 3U | kind); }

  // Seven bits a byte, the lowest first; the top bit says that more follow.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) byte(value | 0x80U);
    byte(value);
  }

  void byte(std::uint64_t value) { bytes_ += static_cast<char>(value & 0xFFU); }

  std::string bytes_;
};

}  // namespace concertina::deploy
