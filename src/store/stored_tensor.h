// Tensors cut out of bytes that nobody vouches for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/Tensor.h>

namespace concertina {

// Part of a storage, counted in elements.
struct StoredTensor {
  c10::ScalarType type = c10::ScalarType::Undefined;
  std::int64_t offset = 0;
  std::vector<std::int64_t> sizes, strides;
};

// What all tensors of a file may take together, so that a small file cannot ask for much.
class Allowance {
 public:
  explicit Allowance(std::size_t file_bytes) : left_(16 * file_bytes + (1U << 16U)) {}
  // Throws DataError with `where` in front.
  void take(std::uint64_t bytes, const std::string& where);

 private:
  std::uint64_t left_;
};

// Strides of a contiguous tensor. Throws DataError, with `where` in front, when a size is negative
// or their product is beyond 2^40.
std::vector<std::int64_t> contiguous_strides(const std::vector<std::int64_t>& sizes,
                                             const std::string& where);

// The view as StateDict has it: contiguous, float32 or int64. Throws DataError, with `where` in
// front, unless it lies within the storage, element beside element: no element may stand twice.
at::Tensor copy_view(std::string_view storage, const StoredTensor& view, Allowance& allowance,
                     const std::string& where);

}  // namespace concertina
