#include "concertina/kernels/sgd.h"

#include <limits>

#include "samples.h"

namespace concertina::kernels {
namespace {

TEST(SgdStep, EqualsItsTwin) {
  for (const bool nesterov : {false, true}) {
    for (const std::int64_t count : {1, 15, 16, 100, 5000}) {
      const SgdRule rule{0.1F, 0.9F, 0.01F, nesterov};
      const std::vector<float> gradient = samples(count, 1);
      std::vector<float> buffer = samples(count, 2), value = samples(count, 3);
      std::vector<float> plain_buffer = buffer, plain_value = value;
      sgd_step(count, rule, gradient.data(), buffer.data(), value.data());
      sgd_step_plain(count, rule, gradient.data(), plain_buffer.data(), plain_value.data());
      EXPECT_TRUE(near(buffer, plain_buffer, 1e-6));
      EXPECT_TRUE(near(value, plain_value, 1e-6));
    }
  }
}

TEST(SumOfSquares, EqualsItsTwinAndShowsWhatIsNotFinite) {
  for (const std::int64_t count : {0, 1, 17, 4096, 10001}) {
    std::vector<float> values = samples(count, 1);
    const double plain = sum_of_squares_plain(count, values.data());
    EXPECT_NEAR(sum_of_squares(count, values.data()), plain, 1e-5 * plain);
    if (count == 0) continue;
    values.back() = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(std::isfinite(sum_of_squares(count, values.data())));
  }
}

}  // namespace
}  // namespace concertina::kernels
