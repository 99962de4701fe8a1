// The losses of a plan's edges. Formulas and names: docs/methods.md, Losses.
#pragma once

#include <ATen/core/Tensor.h>

#include "concertina/recipe/plan.h"

namespace concertina {

// -1/B sum_b log softmax(student)[label]. student: [B, C] float32; labels: [B] int64. A scalar.
at::Tensor cross_entropy(const at::Tensor& labels, const at::Tensor& student);

// The edge's loss without its weight: temperature^t_power times kl or soft_ce of the two softmaxes
// at the edge's temperature, reduced as the edge says (batchmean: sum / B; elementmean: sum / (B
// C)). teacher, student: [B, C] logits. A scalar. Detaching the teacher is the caller's business.
at::Tensor distillation_loss(const Edge& edge, const at::Tensor& teacher,
                             const at::Tensor& student);

}  // namespace concertina
