// Losses on logits, one term an image: [B], unreduced, without powers of the temperature and
// without weights. Formulas and their sources: docs/methods.md, Losses and Losses of logits. Not
// for: reduction, selection and weights (the walker of the plan), features (feature_losses.h).
//
// teacher, student: [B, C] logits, float32 or float64, both the same; labels: [B] int64 in 0..C-1.
// p = softmax(teacher / teacher_temperature), q = softmax(student / student_temperature).
// Differentiable in the student and, where nothing else is said, in the teacher; detaching a
// teacher is the caller's business. Logits of any finite size give finite terms and gradients.
#pragma once

#include <ATen/core/Tensor.h>

namespace concertina {

// sum_c (p_c + offset) (log(p_c + offset) - log q_c). With an offset p is not normalized again: ONE
// and OKDDip add 1e-7.
at::Tensor kl_terms(const at::Tensor& teacher, const at::Tensor& student,
                    double teacher_temperature, double student_temperature, double offset);

// -sum_c p_c log q_c
at::Tensor soft_ce_terms(const at::Tensor& teacher, const at::Tensor& student,
                         double teacher_temperature, double student_temperature);

// -sum_c ((1 - smoothing) [c = label] + smoothing / C) log q_c, smoothing in [0, 1]: as
// torch.nn.CrossEntropyLoss has it.
at::Tensor ce_terms(const at::Tensor& labels, const at::Tensor& student, double temperature,
                    double smoothing);

// sum_c (teacher_c - student_c)^2
at::Tensor mse_terms(const at::Tensor& teacher, const at::Tensor& student);

// alpha KL of (p_label, 1 - p_label) + beta KL of the softmaxes over the other classes (decoupled
// distillation, Zhao et al., CVPR 2022). C >= 2.
at::Tensor dkd_terms(const at::Tensor& labels, const at::Tensor& teacher, const at::Tensor& student,
                     double teacher_temperature, double student_temperature, double alpha,
                     double beta);

// The larger of the divergences D_alpha(p, q) at alpha_min and at alpha_max, image by image
// (AlphaNet, Wang et al., ICML 2021): 1 / (alpha (alpha - 1)) sum_c q_c (min((p_c / q_c)^alpha,
// clip) - 1), at alpha 1 KL(p, q), at 0 sum_c q_c -log min(p_c / q_c, clip). Its gradient is the
// one of the released code: the divergence's own, but with the clipped ratios, and none in the
// teacher. clip > 0.
at::Tensor alpha_divergence_terms(const at::Tensor& teacher, const at::Tensor& student,
                                  double teacher_temperature, double student_temperature,
                                  double alpha_min, double alpha_max, double clip);

}  // namespace concertina
