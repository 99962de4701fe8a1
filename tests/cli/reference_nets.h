// The nets of reference_nets.py: names, shapes and values of their tensors, and their logits.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/store/state_dict.h"

namespace concertina::support {

struct ReferenceLogits {
  Subnet subnet;
  at::Tensor values;  // [2, classes]
};

struct ReferenceNet {
  std::string name;
  std::vector<std::string> arguments;  // of concertina import: --net, --net-option, --widths
  StateDict state;                     // without num_batches_tracked
  std::vector<ReferenceLogits> logits;
};

const std::vector<ReferenceNet>& reference_nets();
const ReferenceNet& reference_net(const std::string& name);
std::filesystem::path golden_file(const std::string& name);

// Every sub-model's logits of the reference's images.
void expect_logits(FlexibleNet& net, const ReferenceNet& reference);

}  // namespace concertina::support
