// The fused executor: FlexibleNet::forward as one autograd node a pass.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "fused_pass.h"

namespace concertina::fused {

class Engine {
 public:
  // Null when the sub-model has a layer that cannot be fused; why() then says which.
  std::shared_ptr<const Compiled> compiled(const NetSpec& spec, const Subnet& subnet, Exits exits);
  const Unfit& why() const { return unfit_; }

  void set_profile(Profile* into) { workshop_->profile = into; }

  // As FlexibleNet::forward. `tensors`: one entry a live layer of what was compiled.
  std::vector<at::Tensor> run(const at::Tensor& images, std::shared_ptr<const Compiled> compiled,
                              std::vector<LayerTensors> tensors, PassSetting setting);

 private:
  struct Key {
    Subnet subnet;
    Exits exits;
    friend bool operator<(const Key& a, const Key& b) {
      return a.subnet != b.subnet ? a.subnet < b.subnet : a.exits < b.exits;
    }
  };

  void prepare_threads();

  std::map<Key, std::shared_ptr<const Compiled>> compiled_;
  Unfit unfit_;
  std::shared_ptr<Workshop> workshop_ = std::make_shared<Workshop>();
};

}  // namespace concertina::fused
