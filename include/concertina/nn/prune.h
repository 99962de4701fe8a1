// A structural cut: the channels that matter least leave the net for good, and what stays is an
// ordinary smaller net with the same widths. docs/methods.md, Sparse nets.
#pragma once

#include "concertina/nn/flexible_net.h"

namespace concertina {

// What a channel is worth, at full width.
enum class ChannelWorth {
  norm_weight,    // |weight| of the norm behind its convolution
  filter_length,  // 2-norm of its filter, over the mean of its layer
};

// Throws UsageError for a net with sums of maps, whose channels would have to go together.
void check_prunable(const NetSpec& net);

// Cuts off `share` (0 to 1) of all elastic channels, those that are worth least wherever they are;
// a layer keeps at least one. What stays keeps its order, so that a narrower width still has the
// leading ones; a norm of a width that did not have a channel takes it from the full width's.
// Throws as check_prunable.
FlexibleNet prune(const FlexibleNet& net, const NetSettings& settings, double share,
                  ChannelWorth worth);

}  // namespace concertina
