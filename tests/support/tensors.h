// Comparing tensors, with the first place where they differ in the message.
#pragma once

#include <string>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace concertina {

// The same shape and the same bytes.
inline testing::AssertionResult same_bytes(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return testing::AssertionFailure() << "shapes differ";
  const at::Tensor left = a.detach().contiguous().flatten();
  const at::Tensor right = b.detach().contiguous().flatten();
  for (std::int64_t k = 0; k < left.numel(); ++k) {
    const double x = left[k].item<double>();
    const double y = right[k].item<double>();
    if (x != y && !(x != x && y != y)) {
      return testing::AssertionFailure() << "differ at " << k << ": " << x << " and " << y;
    }
  }
  return testing::AssertionSuccess();
}

// |a - b| <= tolerance * max|b|.
inline testing::AssertionResult close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  if (a.sizes() != b.sizes()) return testing::AssertionFailure() << "shapes differ";
  const at::Tensor difference = at::abs(at::sub(a.detach(), b.detach())).flatten();
  const double scale = at::max(at::abs(b.detach())).item<double>();
  const std::int64_t worst = at::argmax(difference).item<std::int64_t>();
  const double most = difference[worst].item<double>();
  if (!(most <= tolerance * scale)) {
    return testing::AssertionFailure() << "differ by " << most << " at " << worst << "; scale "
                                       << scale << ", tolerance " << tolerance;
  }
  return testing::AssertionSuccess();
}

// Seeded, so that a failure can be run again.
inline at::Tensor random_images(const at::IntArrayRef& sizes, std::uint64_t seed = 7) {
  at::manual_seed(seed);
  return at::randn(sizes);
}

}  // namespace concertina
