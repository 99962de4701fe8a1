// Nets in float64, to compare with.
#pragma once

#include <vector>

#include "concertina/nn/flexible_net.h"

namespace concertina {

// Makes the net one of float64: its weights, and the norms of its listed widths.
inline void widen(FlexibleNet& net) {
  const auto widen_all = [](const std::vector<Parameter>& parameters) {
    for (Parameter one : parameters) one.value.set_data(one.value.detach().to(at::kDouble));
  };
  widen_all(net.weights());
  for (const Width width : net.widths()) widen_all(net.norms(width));
}

}  // namespace concertina
