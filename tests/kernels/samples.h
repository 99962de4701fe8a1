// Numbers to feed kernels with, and comparing what comes out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "concertina/kernels/bfloat16.h"

namespace concertina::kernels {

// Normal numbers of mean `center` and deviation 1, the same for the same seed.
inline std::vector<float> samples(std::int64_t count, unsigned seed, float center = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(center, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// As elements of T, and back.
template <class T>
std::vector<T> as(const std::vector<float>& values) {
  std::vector<T> result;
  for (const float value : values) result.push_back(rounded<T>(value));
  return result;
}
template <class T>
std::vector<float> floats(const std::vector<T>& values) {
  std::vector<float> result;
  for (const T value : values) result.push_back(to_float(value));
  return result;
}

// What storing an element as T may change, as a share of it.
template <class T>
double rounding() {
  return sizeof(T) == sizeof(float) ? 0 : 1.0 / 256;
}

using ElementTypes = testing::Types<float, BFloat16>;

// |a - b| <= tolerance * max|b|, everywhere.
template <class Number>
testing::AssertionResult near(const std::vector<Number>& a, const std::vector<Number>& b,
                              double tolerance) {
  if (a.size() != b.size()) return testing::AssertionFailure() << "sizes differ";
  double scale = 0;
  for (const Number each : b) scale = std::max(scale, std::abs(static_cast<double>(each)));
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = std::abs(static_cast<double>(a[k]) - static_cast<double>(b[k]));
    if (difference <= tolerance * scale) continue;
    return testing::AssertionFailure()
           << a[k] << " and " << b[k] << " at " << k << ", scale " << scale;
  }
  return testing::AssertionSuccess();
}

}  // namespace concertina::kernels
