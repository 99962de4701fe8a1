// A loss of one's own: one row and one function, and recipes can name it like the built-in ones.
//
//   register_loss({"huber", {}, Compares::logits, false, false, true, "Huber loss of the logits",
//                  {{"delta", 1, 0.001, 1000}}},
//                 [](const Edge& edge, double, const LossInputs& in) {
//                   return at::huber_loss(in.student, in.teacher, at::Reduction::None,
//                                         edge.number("delta")).sum(1);
//                 });
//   // edge = full -> each : huber weight=1 reduction=batchmean gradient=stop delta=0.5
#pragma once

#include <functional>

#include "concertina/distill/criteria.h"
#include "concertina/recipe/criterion.h"

namespace concertina {

// Where the entry is `reduced`, one term per image, [B], which the edge's selector and reduction
// apply to; otherwise the loss of the batch, a scalar. `temperature` is the edge's in this step.
// Differentiable in inputs.student, and in inputs.teacher where edges may say gradient=through.
using LossFunction =
    std::function<at::Tensor(const Edge& edge, double temperature, const LossInputs& inputs)>;

// To be called once per loss, before any recipe is read and before other threads use this library;
// a run that names the loss is resumed by a program that has registered it. Throws UsageError as
// add_criterion(), and for an empty function.
void register_loss(const CriterionEntry& entry, LossFunction function);

}  // namespace concertina
