// Which filters of a teacher's last map go to which part of a distributed net (NoNN). Formulas and
// their sources: docs/methods.md, Partitions of filters. No random number is drawn, so the same
// activity gives the same parts; where cuts are equally good, another LibTorch may take another
// one. Nothing is differentiated.
//
// activity: [N, C] float32 or float64, of each image each filter's mean over its map. Below 0
// counts as 0, and an image's largest counts as 1. A part is indices of filters, ascending.
// Throws UsageError when there cannot be `parts` parts (not 1 to C, or too few communities), and
// DataError when the activity holds NaN or infinity.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/distill/teacher.h"
#include "concertina/recipe/plan.h"

namespace concertina {

// NoNN's: filters that are active together, but not equally, form communities (Louvain). The
// largest one is left out, so not every filter has a part; the next ones are the parts, largest
// first, and what is left goes, one after the other, to the part that has the fewest filters.
std::vector<std::vector<int>> partition_communities(const at::Tensor& activity, int parts);

// Jeong et al.'s idea: every filter is in a part, the parts have the same number of filters (or one
// more, the first ones), and filters that are active together stay together, by repeated cuts in
// two along an eigenvector.
std::vector<std::vector<int>> partition_bisection(const at::Tensor& activity, int parts);

// Gives every `filters` node that has no channels yet those of its part. images: [N, C, H, W] as
// the trained net gets them; what its teacher's filters do on them decides. Throws as the
// partitions do, with the node's name, and for a node whose channels the teacher's map has not.
void choose_filters(DistillPlan& plan, const Teachers& teachers, const at::Tensor& images);

}  // namespace concertina
