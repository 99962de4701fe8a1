// The light multi-segment activation of a whole map (docs/methods.md, section of that name).
#pragma once

#include <ATen/core/Tensor.h>

namespace concertina {

// f(x) = (slope_k + [k in the upper half]) x + offset_k, k being the segment that x lies in: all of
// equal length, together three deviations to either side of the mean. input: [N, C, H, W]; slopes,
// offsets: [segments]; mean, variance: [1], without gradient. On any device.
at::Tensor multi_segment(const at::Tensor& input, const at::Tensor& slopes,
                         const at::Tensor& offsets, const at::Tensor& mean,
                         const at::Tensor& variance);

}  // namespace concertina
