// The loss of one edge. Formulas and names: docs/methods.md, Losses of logits and of features.
#pragma once

#include <ATen/core/Tensor.h>

#include "concertina/recipe/plan.h"

namespace concertina {

// What an edge compares. Detaching the teacher is the caller's business.
struct LossInputs {
  at::Tensor labels;            // [B] int64; always
  at::Tensor teacher, student;  // logits [B, C], or features: a map [B, C, H, W]; teacher unless
                                // the label teaches
  at::Tensor teacher_second, student_second;  // pairs: the second map of each
};

// A scalar: the edge's criterion, without its weight, times temperature^t_power, reduced as the
// edge says (batchmean: sum / B; elementmean: sum / all elements of the student's; sum) over the
// images that its selector takes. `temperature` is the edge's in this step.
at::Tensor edge_loss(const Edge& edge, double temperature, const LossInputs& inputs);

}  // namespace concertina
