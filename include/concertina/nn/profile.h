// Where the time of the fused engine's passes goes, by kind of layer: a layer has its norm's and
// its activation's work with it, because they are done as a map is loaded and stored.
#pragma once

#include <map>
#include <string>

namespace concertina {

struct KindTime {
  double forward_s = 0, backward_s = 0;
  double flop = 0;  // of its convolutions or linear layers, both ways; 2 a multiply-accumulate
};

// By "conv 1x1", "conv 3x3", "depthwise 3x3", "head" (pool and classifier).
using Profile = std::map<std::string, KindTime>;

}  // namespace concertina
