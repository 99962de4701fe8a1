#include "concertina/kernels/sgd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sgd.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

void sgd_step(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
              float* value) {
  const Tag d;
  const Vec decay = hn::Set(d, rule.decay);
  const Vec momentum = hn::Set(d, rule.momentum);
  const Vec rate = hn::Set(d, rule.rate);
  for_channels(count, [&](std::int64_t k, const auto& part) HWY_ATTR {
    const Vec old = part.load(value + k);
    const Vec g = hn::MulAdd(decay, old, part.load(gradient + k));
    const Vec kept = hn::MulAdd(momentum, part.load(buffer + k), g);
    const Vec change = rule.nesterov ? hn::MulAdd(momentum, kept, g) : kept;
    part.store(kept, buffer + k);
    part.store(hn::NegMulAdd(rate, change, old), value + k);
  });
}

double sum_of_squares(std::int64_t count, const float* values) {
  constexpr std::int64_t kBlock = 4096;  // keeps the float32 sums short
  const Tag d;
  double total = 0;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    Vec sum = hn::Zero(d);
    for_channels(HWY_MIN(kBlock, count - begin), [&](std::int64_t k, const auto& part) HWY_ATTR {
      const Vec value = part.load(values + begin + k);
      sum = hn::MulAdd(value, value, sum);
    });
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

}  // namespace concertina::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace concertina::kernels {

HWY_EXPORT(sgd_step);
HWY_EXPORT(sum_of_squares);

void sgd_step(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
              float* value) {
  HWY_DYNAMIC_DISPATCH(sgd_step)(count, rule, gradient, buffer, value);
}

double sum_of_squares(std::int64_t count, const float* values) {
  return HWY_DYNAMIC_DISPATCH(sum_of_squares)(count, values);
}

void sgd_step_plain(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
                    float* value) {
  for (std::int64_t k = 0; k < count; ++k) {
    const float g = gradient[k] + rule.decay * value[k];
    buffer[k] = rule.momentum * buffer[k] + g;
    value[k] -= rule.rate * (rule.nesterov ? g + rule.momentum * buffer[k] : buffer[k]);
  }
}

double sum_of_squares_plain(std::int64_t count, const float* values) {
  double sum = 0;
  for (std::int64_t k = 0; k < count; ++k) sum += static_cast<double>(values[k]) * values[k];
  return sum;
}

}  // namespace concertina::kernels
#endif  // HWY_ONCE
