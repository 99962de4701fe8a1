#include "concertina/kernels/sgd.h"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "sgd.cpp"
#include <hwy/foreach_target.h>

#include "vectors.h"

HWY_BEFORE_NAMESPACE();
namespace concertina::kernels::HWY_NAMESPACE {

void sgd_step(std::int64_t count, const SgdRule& rule, const float* gradient, float* buffer,
              float* value) {
  for_channels<1>(count, [&](std::int64_t k, const auto& part) HWY_ATTR {
    const typename std::decay_t<decltype(part)>::Tag d;
    const auto momentum = hn::Set(d, rule.momentum);
    const auto old = part.load(value + k);
    const auto g = hn::MulAdd(hn::Set(d, rule.decay), old, part.load(gradient + k));
    const auto kept = hn::MulAdd(momentum, part.load(buffer + k), g);
    const auto change = rule.nesterov ? hn::MulAdd(momentum, kept, g) : kept;
    part.store(kept, buffer + k);
    part.store(hn::NegMulAdd(hn::Set(d, rule.rate), change, old), value + k);
  });
}

double sum_of_squares(std::int64_t count, const float* values) {
  constexpr std::int64_t kBlock = 4096;  // keeps the float32 sums short
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  double total = 0;
  std::int64_t k = 0;
  while (k + lanes <= count) {
    const std::int64_t end = HWY_MIN(k + kBlock, count);
    auto sum = hn::Zero(d);
    for (; k + lanes <= end; k += lanes) {
      const auto value = hn::LoadU(d, values + k);
      sum = hn::MulAdd(value, value, sum);
    }
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  for (; k < count; ++k) total += static_cast<double>(values[k]) * values[k];
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
