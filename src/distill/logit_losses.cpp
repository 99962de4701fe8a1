#include "concertina/distill/logit_losses.h"

#include <cmath>

#include <ATen/Functions.h>

namespace concertina {
namespace {

at::Tensor log_probability(const at::Tensor& logits, double temperature) {
  return at::log_softmax(at::div(logits, temperature), 1);
}

at::Tensor kl(const at::Tensor& log_p, const at::Tensor& log_q) {
  return at::sum(at::mul(at::exp(log_p), at::sub(log_p, log_q)), 1);
}

// One image's logits, taken apart at the label.
struct Decoupled {
  at::Tensor pair;    // [B, 2]: the label's, and one that stands for all the others
  at::Tensor others;  // [B, C - 1]
};

// The softmax of `pair` is (p_label, 1 - p_label) without the difference 1 - p, which would be 0
// for a confident teacher.
Decoupled decouple(const at::Tensor& labels, const at::Tensor& logits, double temperature) {
  const at::Tensor place = at::unsqueeze(labels, 1);
  const at::Tensor scaled = at::div(logits, temperature);
  const at::Tensor other = at::ones_like(logits, at::kBool).scatter(1, place, 0);
  const at::Tensor others = at::masked_select(scaled, other).view({logits.size(0), -1});
  return {at::cat({at::gather(scaled, 1, place), at::logsumexp(others, 1, true)}, 1), others};
}

struct Divergence {
  at::Tensor value;  // [B]
  // [B, C]: the gradient is that of -sum_c weights_c log q_c. What is constant in weights_c / q_c
  // is left out; it has no gradient, because sum_c q_c = 1.
  at::Tensor weights;
};

// Everything from logarithms: p / q and its powers overflow, and 0 log 0 is not a number.
Divergence alpha_divergence(const at::Tensor& log_p, const at::Tensor& log_q, double alpha,
                            double clip) {
  constexpr double kNear = 1e-3;  // as in the released code
  const at::Tensor q = at::exp(log_q);
  const at::Tensor log_ratio = at::sub(log_p, log_q);
  if (std::abs(alpha - 1) < kNear) return {kl(log_p, log_q), at::exp(log_p)};
  if (std::abs(alpha) < kNear) {
    const at::Tensor clipped = at::clamp_max(log_ratio, std::log(clip));
    const at::Tensor weighted = at::mul(q, clipped);
    return {at::neg(at::sum(weighted, 1)), weighted};
  }
  const at::Tensor power = at::clamp_max(at::mul(log_ratio, alpha), std::log(clip));
  const at::Tensor weighted = at::exp(at::add(log_q, power));  // q (p / q)^alpha
  const double scale = 1 / (alpha * (alpha - 1));
  return {at::mul(at::sum(at::sub(weighted, q), 1), scale), at::div(weighted, alpha)};
}

}  // namespace

at::Tensor kl_terms(const at::Tensor& teacher, const at::Tensor& student,
                    double teacher_temperature, double student_temperature, double offset) {
  const at::Tensor log_p = log_probability(teacher, teacher_temperature);
  const at::Tensor log_q = log_probability(student, student_temperature);
  if (offset == 0) return kl(log_p, log_q);
  const at::Tensor target = at::add(at::exp(log_p), offset);
  return at::sum(at::mul(target, at::sub(at::log(target), log_q)), 1);
}

at::Tensor soft_ce_terms(const at::Tensor& teacher, const at::Tensor& student,
                         double teacher_temperature, double student_temperature) {
  const at::Tensor p = at::softmax(at::div(teacher, teacher_temperature), 1);
  return at::neg(at::sum(at::mul(p, log_probability(student, student_temperature)), 1));
}

at::Tensor ce_terms(const at::Tensor& labels, const at::Tensor& student, double temperature,
                    double smoothing) {
  const at::Tensor log_q = log_probability(student, temperature);
  const at::Tensor hard = at::neg(at::squeeze(at::gather(log_q, 1, at::unsqueeze(labels, 1)), 1));
  const at::Tensor uniform = at::neg(at::mean(log_q, 1));
  return at::add(at::mul(hard, 1 - smoothing), uniform, smoothing);
}

at::Tensor mse_terms(const at::Tensor& teacher, const at::Tensor& student) {
  return at::sum(at::square(at::sub(teacher, student)), 1);
}

at::Tensor dkd_terms(const at::Tensor& labels, const at::Tensor& teacher, const at::Tensor& student,
                     double teacher_temperature, double student_temperature, double alpha,
                     double beta) {
  const Decoupled p = decouple(labels, teacher, teacher_temperature);
  const Decoupled q = decouple(labels, student, student_temperature);
  const at::Tensor target = kl(at::log_softmax(p.pair, 1), at::log_softmax(q.pair, 1));
  const at::Tensor rest = kl(at::log_softmax(p.others, 1), at::log_softmax(q.others, 1));
  return at::add(at::mul(target, alpha), rest, beta);
}

at::Tensor alpha_divergence_terms(const at::Tensor& teacher, const at::Tensor& student,
                                  double teacher_temperature, double student_temperature,
                                  double alpha_min, double alpha_max, double clip) {
  const at::Tensor log_p = log_probability(teacher.detach(), teacher_temperature);
  const at::Tensor log_q = log_probability(student, student_temperature);
  const Divergence low = alpha_divergence(log_p, log_q.detach(), alpha_min, clip);
  const Divergence high = alpha_divergence(log_p, log_q.detach(), alpha_max, clip);
  const at::Tensor take_low = at::gt(low.value, high.value);
  const at::Tensor value = at::where(take_low, low.value, high.value);
  const at::Tensor weights = at::where(at::unsqueeze(take_low, 1), low.weights, high.weights);
  // The released code returns this surrogate itself, whose value means nothing and can be negative.
  const at::Tensor surrogate = at::neg(at::sum(at::mul(weights, log_q), 1));
  return at::add(value, at::sub(surrogate, surrogate.detach()));
}

}  // namespace concertina
