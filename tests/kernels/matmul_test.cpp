#include "concertina/kernels/matmul.h"

#include "samples.h"

namespace concertina::kernels {
namespace {

// Sums of up to 300 products in float32 against double ones.
constexpr double kTolerance = 2e-6;

struct Size {
  std::int64_t rows, columns, inner;
};
// Tiles as passes have them, down to one of each.
const std::vector<Size> kSizes = {{1, 1, 1},     {7, 5, 3},     {64, 16, 27}, {100, 24, 48},
                                  {33, 130, 65}, {16, 10, 300}, {256, 6, 54}, {300, 64, 32}};

template <class T>
class Matmul : public testing::Test {
 protected:
  void SetUp() override {
    if (sizeof(T) < sizeof(float) && !has_bfloat16()) GTEST_SKIP() << "no bfloat16 products here";
  }
};
TYPED_TEST_SUITE(Matmul, ElementTypes);

// Elements of T, as floats.
template <class T>
std::vector<float> elements(std::int64_t count, unsigned seed) {
  return floats(as<T>(samples(count, seed)));
}

// b lies at `inner_step` and `column_step`, packed or, as rows, in place.
template <class T, class Out>
void expect_product(const Size& size, std::int64_t inner_step, std::int64_t column_step,
                    bool packed) {
  const std::vector<float> a = elements<T>(size.rows * size.inner, 1);
  const std::vector<float> b = elements<T>(size.inner * inner_step + size.columns * column_step, 2);
  std::vector<T> memory = as<T>(b);
  RightHand<T> right{size.inner, size.columns, memory.data(), inner_step};
  if (packed) {
    memory.resize(static_cast<std::size_t>(packed_size<T>(size.inner, size.columns)) + 64);
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    T* aligned = memory.data() + (64 - address % 64) % 64 / sizeof(T);
    right = pack(size.inner, size.columns, b.data(), inner_step, column_step, aligned);
  }
  std::vector<float> plain(static_cast<std::size_t>(size.rows * size.columns));
  std::vector<Out> fast(plain.size());
  multiply(size.rows, as<T>(a).data(), right, fast.data());
  multiply_plain(size.rows, size.inner, size.columns, a.data(), b.data(), inner_step, column_step,
                 plain.data());
  EXPECT_TRUE(near(floats(fast), plain, kTolerance + rounding<Out>()))
      << size.rows << "x" << size.columns << "x" << size.inner;
}

TYPED_TEST(Matmul, TheRightHandIsASliceOfALargerMatrixOrItsTranspose) {
  for (const Size& size : kSizes) {
    for (const std::int64_t more : {0, 5}) {
      expect_product<TypeParam, TypeParam>(size, size.columns + more, 1, true);
      expect_product<TypeParam, TypeParam>(size, 1, size.inner + more, true);
      expect_product<TypeParam, float>(size, 1, size.inner + more, true);
      expect_product<TypeParam, TypeParam>(size, size.columns + more, 1, false);
    }
  }
}

TYPED_TEST(Matmul, TheTransposedProductEqualsItsTwin) {
  for (const Size& size : kSizes) {
    for (const bool accumulate : {false, true}) {
      const std::vector<float> a = elements<TypeParam>(size.rows * size.columns, 1);
      const std::vector<float> b = elements<TypeParam>(size.rows * size.inner, 2);
      std::vector<float> fast = samples(size.columns * size.inner, 3);
      std::vector<float> plain = fast;
      multiply_transposed(size.rows, size.columns, size.inner, as<TypeParam>(a).data(),
                          as<TypeParam>(b).data(), fast.data(), accumulate);
      multiply_transposed_plain(size.rows, size.columns, size.inner, a.data(), b.data(),
                                plain.data(), accumulate);
      EXPECT_TRUE(near(fast, plain, kTolerance))
          << size.rows << "x" << size.columns << "x" << size.inner;
    }
  }
}

}  // namespace
}  // namespace concertina::kernels
