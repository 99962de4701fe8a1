// Computes what a sub-model costs from its resolved shapes alone. Nothing is measured here.
#pragma once

#include <cstdint>
#include <string>

#include "concertina/spec/resolve.h"

namespace concertina {

struct Cost {
  std::int64_t macs = 0;    // multiply-accumulates of convolutions and linear layers, one image
  std::int64_t ops = 0;     // macs + ReLU, pool outputs, linear biases (docs/methods.md, MSDNet)
  std::int64_t params = 0;  // weights, biases, slopes, and the weight and bias of one set of norms
  // 4 * (params + running mean and variance of norms and activations), but weights of fewer bits
  // take these, each layer's up to whole bytes.
  std::int64_t bytes = 0;
  std::int64_t peak_activation_bytes =
      0;  // most float32 feature map bytes alive at once, one image
};

Cost cost(const NetSpec& net, const ResolvedNet& resolved);

// The cost of a sub-model as an any-time network (earlier exits included) and of its exit alone.
struct SubnetCost {
  Cost anytime;
  Cost alone;
};
SubnetCost subnet_cost(const NetSpec& net, const Subnet& subnet);

}  // namespace concertina
