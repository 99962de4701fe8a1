// Losses on features: outputs of tapped layers, pooled [B, D] or maps [B, C, H, W], float32 or
// float64. Formulas and their sources: docs/methods.md, Losses of features.
// Not for: adapters that change a student's channels, which run before; weights.
//
// Differentiable in the student and, unless it was detached, in the teacher. A loss over pairs of
// images needs the whole batch at once: it is another one when the batch is split.
#pragma once

#include <ATen/core/Tensor.h>

namespace concertina {

// Probabilistic knowledge transfer (Passalis and Tefas, ECCV 2018): how likely each image of the
// batch has each other one for a neighbor, by the cosine. Scalar. teacher: [B, D_t]; student:
// [B, D_s]. The features of an image that hold NaN or infinity count as zeros and get no gradient;
// so also in the next three.
at::Tensor pkt_loss(const at::Tensor& teacher, const at::Tensor& student);

// The same with Jeffreys' divergence, by the cosine, by Student's t, and the sum of both (Passalis,
// Tzelepi and Tefas, CVPR 2020).
at::Tensor pkt_cosine_loss(const at::Tensor& teacher, const at::Tensor& student);
at::Tensor pkt_student_t_loss(const at::Tensor& teacher, const at::Tensor& student);
at::Tensor pkt_combined_loss(const at::Tensor& teacher, const at::Tensor& student);

// |G(teacher_a, teacher_b) - G(student_a, student_b)|^2 (Frobenius) of each image: [B]. G [C_a,
// C_b] is the cross-layer matrix of two maps of one net, the mean over places of the products of
// their channels, both averaged (adaptively) to the smaller height and width. A student's map has
// the channels of the teacher's.
at::Tensor gram_terms(const at::Tensor& teacher_a, const at::Tensor& teacher_b,
                      const at::Tensor& student_a, const at::Tensor& student_b);

// Mean over all elements of (v / |v| - u / |u|)^2, v and u an image's student and teacher map as
// vectors (NoNN). Scalar. The same channels; heights and widths as in hint_terms. A map of zeros
// counts as zeros.
at::Tensor normalized_mse_loss(const at::Tensor& teacher, const at::Tensor& student);

// Sum of the squared differences of each image: [B]. Maps with the same channels, averaged
// (adaptively) to the smaller height and width; or features [B, D].
at::Tensor hint_terms(const at::Tensor& teacher, const at::Tensor& student);

// Contrastive loss of the pairs of images (0, 1), (2, 3) ... with distance D of their features: D^2
// for the same label, else max(0, margin - D)^2; mean over the pairs, 0 where there is none.
// Scalar. features: [B, D]; labels: [B] int64; the last image of an odd batch is left out.
at::Tensor pair_loss(const at::Tensor& features, const at::Tensor& labels, double margin);

}  // namespace concertina
