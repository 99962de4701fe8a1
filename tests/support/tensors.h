// Comparing tensors, with the first place where they differ in the message.
#pragma once

#include <string>

#include <ATen/Functions.h>
#include <gtest/gtest.h>

namespace concertina {

// The same shape and the same bytes, all of them finite.
inline testing::AssertionResult same_bytes(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return testing::AssertionFailure() << "shapes differ";
  const at::Tensor left = a.detach().contiguous();
  const at::Tensor right = b.detach().contiguous();
  if (!at::isfinite(left).all().item<bool>()) return testing::AssertionFailure() << "not finite";
  const auto* x = static_cast<const unsigned char*>(left.data_ptr());
  const auto* y = static_cast<const unsigned char*>(right.data_ptr());
  for (std::size_t k = 0; k < left.nbytes(); ++k) {
    if (x[k] == y[k]) continue;
    const auto index = static_cast<std::int64_t>(k / left.element_size());
    return testing::AssertionFailure()
           << "differ at " << index << ": " << left.flatten()[index].item<double>() << " and "
           << right.flatten()[index].item<double>();
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
