#include "concertina/distill/criteria.h"

#include <cmath>

#include <ATen/Functions.h>

namespace concertina {
namespace {

double divisor(Reduction reduction, const at::Tensor& logits) {
  switch (reduction) {
    case Reduction::batchmean:
      return static_cast<double>(logits.size(0));
    case Reduction::elementmean:
      return static_cast<double>(logits.numel());
    case Reduction::sum:
      break;
  }
  return 1;
}

}  // namespace

at::Tensor cross_entropy(const at::Tensor& labels, const at::Tensor& student) {
  return at::nll_loss(at::log_softmax(student, 1), labels);
}

at::Tensor distillation_loss(const Edge& edge, const at::Tensor& teacher,
                             const at::Tensor& student) {
  const double temperature = edge.temperature;
  const at::Tensor log_student = at::log_softmax(at::div(student, temperature), 1);
  const at::Tensor log_teacher = at::log_softmax(at::div(teacher, temperature), 1);
  const at::Tensor probability = at::exp(log_teacher);
  // kl = sum p (log p - log q); soft_ce leaves the teacher's entropy out.
  const at::Tensor terms = edge.criterion == Criterion::kl
                               ? at::mul(probability, at::sub(log_teacher, log_student))
                               : at::neg(at::mul(probability, log_student));
  const double scale = std::pow(temperature, edge.t_power) / divisor(edge.reduction, student);
  return at::mul(at::sum(terms), scale);
}

}  // namespace concertina
