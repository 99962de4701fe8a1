// Targets made of several members' outputs: peers, branches, teachers.
// Formulas and their sources: docs/methods.md, Combined targets.
//
// members: at least one, all of one shape: logits [B, C] where nothing else is said, float32 or
// float64. Differentiable in everything; detaching the result makes it a stopped target.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

namespace concertina {

// Mean of the members' logits: [B, C].
at::Tensor mean_logits(const std::vector<at::Tensor>& members);

// temperature times the logarithm of the mean of softmax(z / temperature): [B, C], logits whose
// softmax at this temperature is the mean of the members' softmaxes.
at::Tensor mean_probabilities(const std::vector<at::Tensor>& members, double temperature);

// sum_m gate_m z_m: [B, C]. gate: [B, M], each row adding up to 1 (ONE: a softmax).
at::Tensor gated_logits(const std::vector<at::Tensor>& members, const at::Tensor& gate);

// OKDDip's target for one student: sum_m a_m z_m with a = softmax over m of <queries, keys_m>,
// [B, C]. queries: [B, d], the student's; keys: [B, d] of every member. The student's own
// prediction counts as well, as in the released code.
at::Tensor attention_logits(const at::Tensor& queries, const std::vector<at::Tensor>& keys,
                            const std::vector<at::Tensor>& members);

}  // namespace concertina
