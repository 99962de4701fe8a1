// Matrix products of tiles, by oneDNN, on the calling thread alone. Any operand may be a slice of a
// larger matrix, or transposed, in place.
#pragma once

#include <cstdint>

namespace concertina::kernels {

// c[i, j] = sum over k of a[i, k] * b[k, j], added to what stands in c if `accumulate`.
// Strides in floats; of each of a and b at least one is 1. c's columns are adjacent.
struct MatmulShape {
  std::int64_t rows = 0, columns = 0, inner = 0;
  std::int64_t a_row = 0, a_inner = 1;
  std::int64_t b_inner = 0, b_column = 1;
  std::int64_t c_row = 0;
  bool accumulate = false;
};

// The first product of a shape in a thread takes a millisecond or so more. Throws
// std::runtime_error when oneDNN refuses.
void matmul(const MatmulShape& shape, const float* a, const float* b, float* c);

// The same, written as plainly as possible, summed in double.
void matmul_plain(const MatmulShape& shape, const float* a, const float* b, float* c);

}  // namespace concertina::kernels
