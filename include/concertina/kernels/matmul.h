// Matrix products of tiles, by oneDNN, on the calling thread alone. T: float or BFloat16; sums are
// float32 either way. Throws std::runtime_error when oneDNN refuses.
#pragma once

#include <cstdint>

#include "concertina/kernels/bfloat16.h"

namespace concertina::kernels {

// A right-hand matrix [inner, columns] that products read tile after tile.
template <class T>
struct RightHand {
  std::int64_t inner = 0, columns = 0;
  const T* data = nullptr;
  std::int64_t row = 0;  // elements from one row to the next; 0: packed, in the order in which this
                         // processor reads it fastest
};

// Elements that a packed one takes.
template <class T>
std::int64_t packed_size(std::int64_t inner, std::int64_t columns);

// From b, whose element [k, j] lies at k * b_inner + j * b_column; one of the two is 1.
template <class T>
RightHand<T> pack(std::int64_t inner, std::int64_t columns, const float* b, std::int64_t b_inner,
                  std::int64_t b_column, T* into);

// c[i, j] = sum over k of a[i, k] * b[k, j]. a: [rows, inner], c: [rows, columns], dense: oneDNN's
// best kernels write nothing else. Out: T, or float. The first product of a shape in a thread takes
// a millisecond or so more.
template <class T, class Out>
void multiply(std::int64_t rows, const T* a, const RightHand<T>& b, Out* c);

// c[i, j] = sum over r of a[r, i] * b[r, j], added to what stands in c if `accumulate`. a: [rows,
// a_columns], b: [rows, b_columns], c: [a_columns, b_columns], all dense.
template <class T>
void multiply_transposed(std::int64_t rows, std::int64_t a_columns, std::int64_t b_columns,
                         const T* a, const T* b, float* c, bool accumulate);

// Whether this processor has bfloat16 products.
bool has_bfloat16();

// The same, written as plainly as possible, summed in double; b unpacked.
void multiply_plain(std::int64_t rows, std::int64_t inner, std::int64_t columns, const float* a,
                    const float* b, std::int64_t b_inner, std::int64_t b_column, float* c);
void multiply_transposed_plain(std::int64_t rows, std::int64_t a_columns, std::int64_t b_columns,
                               const float* a, const float* b, float* c, bool accumulate);

}  // namespace concertina::kernels
