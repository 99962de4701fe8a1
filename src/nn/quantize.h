// Weights and maps rounded to few bits; the gradient passes as if they were not (docs/methods.md,
// Switchable precision). On any device.
#pragma once

#include <ATen/core/Tensor.h>

namespace concertina {

// The weights that a sub-model uses of a layer, of any shape; bits: 1 to Width::kMostBits. One bit:
// sign(w) mean|w|, gradient as it comes. More: tanh(w) rounded to the nearest of 2^bits values
// evenly spaced from -m to m, m being the largest |tanh(w)|; gradient times tanh'(w).
at::Tensor rounded_weight(const at::Tensor& weight, int bits);

// To the nearest value of map_grid(bits) (spec/map_grid.h); gradient inside its ends only. `map`:
// before the activation, whose zero is the lower end: [N, C, H, W].
at::Tensor rounded_map(const at::Tensor& map, int bits);

}  // namespace concertina
