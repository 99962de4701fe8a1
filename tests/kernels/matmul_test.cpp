#include "concertina/kernels/matmul.h"

#include "samples.h"

namespace concertina::kernels {
namespace {

// float32 sums of up to 300 products against double ones.
constexpr double kTolerance = 2e-6;

void expect_as_plain(const MatmulShape& shape) {
  const std::vector<float> a = samples(40000, 1);
  const std::vector<float> b = samples(40000, 2);
  std::vector<float> fast = samples(40000, 3);
  std::vector<float> plain = fast;
  matmul(shape, a.data(), b.data(), fast.data());
  matmul_plain(shape, a.data(), b.data(), plain.data());
  EXPECT_TRUE(near(fast, plain, kTolerance))
      << shape.rows << "x" << shape.columns << "x" << shape.inner;
}

// Rows x columns x inner of tiles as passes have them, down to one of each.
const std::vector<std::vector<std::int64_t>> kSizes = {{1, 1, 1},     {7, 5, 3},     {64, 16, 27},
                                                       {100, 24, 48}, {33, 130, 65}, {16, 10, 300}};

TEST(Matmul, SlicesOfLargerMatricesAreReadAndWrittenInPlace) {
  for (const auto& size : kSizes) {
    const std::int64_t rows = size[0], columns = size[1], inner = size[2];
    for (const bool accumulate : {false, true}) {
      expect_as_plain({rows, columns, inner, inner, 1, columns, 1, columns, accumulate});
      expect_as_plain(
          {rows, columns, inner, inner + 3, 1, columns + 5, 1, columns + 7, accumulate});
    }
  }
}

TEST(Matmul, EitherOperandMayBeTransposed) {
  for (const auto& size : kSizes) {
    const std::int64_t rows = size[0], columns = size[1], inner = size[2];
    for (const bool accumulate : {false, true}) {
      expect_as_plain({rows, columns, inner, 1, rows + 1, columns, 1, columns, accumulate});
      expect_as_plain({rows, columns, inner, inner, 1, 1, inner + 2, columns + 1, accumulate});
    }
  }
}

}  // namespace
}  // namespace concertina::kernels
