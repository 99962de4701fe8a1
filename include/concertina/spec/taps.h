// Taps: layers of a sub-model whose output a criterion looks at, by words that fit every net.
#pragma once

#include <string>

#include "concertina/spec/net_spec.h"

namespace concertina {

// The layer that a word names in a sub-model (its layers up to its exit alone):
//   NAME       the layer of that name
//   feature    what the exit's linear layer reads: [B, C, 1, 1], the pooled map
//   map        the last map in front of the pooling
//   depth:0.5  the last activation or concatenation within that share of the sub-model's
//              layers, 0 to 1 (the first one where there is none)
//   stage2     for any PREFIX: the last activation or concatenation named "PREFIX. ..."
// Throws UsageError naming the word, the sub-model and the nearest layer.
std::string find_tap(const NetSpec& net, const Subnet& subnet, const std::string& word);

// The shape of a layer's output for one image.
struct TapShape {
  int channels = 0;
  int height = 0, width = 0;  // pixels
};
TapShape tap_shape(const NetSpec& net, const Subnet& subnet, const std::string& layer);

}  // namespace concertina
