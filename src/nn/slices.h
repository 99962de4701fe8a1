// Slices of full weights, and the small facts about layers that several files of this room need.
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/spec/resolve.h"

namespace concertina {

// The channels `ranges` of dimension `dim`: a view when they are one range, a copy otherwise. The
// gradient reaches exactly these channels.
at::Tensor take(const at::Tensor& full, std::int64_t dim, const std::vector<Range>& ranges);

// The part of a layer's full weight that a sub-model uses, rounded where it has fewer bits.
at::Tensor slice_weight(const Layer& spec, const ResolvedLayer& layer, const at::Tensor& full);

inline bool has_weight(const Layer& layer) {
  return layer.kind == LayerKind::conv || layer.kind == LayerKind::depthwise ||
         layer.kind == LayerKind::linear;
}

}  // namespace concertina
