// Golden inputs as tensors, and gradients of autograd beside those by central differences.
#pragma once

#include <functional>
#include <type_traits>
#include <vector>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "support/tensors.h"

namespace concertina {

constexpr double kDigits = 2e-12;  // the golden numbers have twelve decimals; fp64 here

// double[a][b]... as a float64 tensor.
template <typename Array>
at::Tensor golden_tensor(const Array& values) {
  using Number = std::remove_all_extents_t<Array>;
  constexpr std::size_t kRank = std::rank_v<Array>;
  std::vector<std::int64_t> sizes{static_cast<std::int64_t>(std::extent_v<Array>)};
  if constexpr (kRank > 1) {
    sizes.push_back(static_cast<std::int64_t>(std::extent_v<Array, 1>));
  }
  if constexpr (kRank > 2) {
    sizes.push_back(static_cast<std::int64_t>(std::extent_v<Array, 2>));
  }
  const auto* first = reinterpret_cast<const Number*>(&values);
  return at::tensor(at::ArrayRef<Number>(first, sizeof(values) / sizeof(Number)), at::kDouble)
      .reshape(sizes);
}

template <typename Array>
testing::AssertionResult is_golden(const at::Tensor& found, const Array& values) {
  const at::Tensor expected = golden_tensor(values);
  if (found.sizes() != expected.sizes()) return testing::AssertionFailure() << "shapes differ";
  const double most = (found - expected).abs().max().item<double>();
  if (!(most <= kDigits)) return testing::AssertionFailure() << "differ by " << most;
  return testing::AssertionSuccess();
}

inline at::Tensor random_numbers(const at::IntArrayRef& sizes, std::uint64_t seed = 7) {
  return random_images(sizes, seed).to(at::kDouble);
}

using ScalarLoss = std::function<at::Tensor(const at::Tensor&)>;

inline at::Tensor gradient_of(const ScalarLoss& loss, const at::Tensor& point) {
  const at::Tensor leaf = point.detach().clone().set_requires_grad(true);
  return torch::autograd::grad({loss(leaf)}, {leaf})[0];
}

// The gradient by autograd is that of central differences; float64.
inline testing::AssertionResult has_its_slopes(const ScalarLoss& loss, const at::Tensor& point) {
  constexpr double kStep = 1e-5;
  const at::Tensor slopes = at::zeros_like(point);
  for (std::int64_t k = 0; k < point.numel(); ++k) {
    const auto moved = [&](double by) {
      const at::Tensor there = point.detach().clone();
      there.view(-1)[k].add_(by);
      return loss(there).item<double>();
    };
    slopes.view(-1)[k].fill_((moved(kStep) - moved(-kStep)) / (2 * kStep));
  }
  return close(gradient_of(loss, point), slopes, 1e-7);
}

}  // namespace concertina
