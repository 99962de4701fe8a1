// The upper half of a float32: 8 bits of exponent, 7 of mantissa. Kernels that are templates of the
// element type T take float or BFloat16; they compute in float32 either way.
#pragma once

#include <cstdint>
#include <cstring>

namespace concertina::kernels {

struct BFloat16 {
  std::uint16_t bits;
};

inline float to_float(float value) { return value; }
inline float to_float(BFloat16 value) {
  const std::uint32_t bits = std::uint32_t{value.bits} << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

// To the nearest, ties to even; what is not a number stays none.
template <class T>
T rounded(float value);
template <>
inline float rounded<float>(float value) {
  return value;
}
template <>
inline BFloat16 rounded<BFloat16>(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return {static_cast<std::uint16_t>((bits >> 16) | 0x40)};
  bits += 0x7FFF + ((bits >> 16) & 1);
  return {static_cast<std::uint16_t>(bits >> 16)};
}

}  // namespace concertina::kernels
