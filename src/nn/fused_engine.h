// The fused executor: FlexibleNet::forward as one autograd node a pass.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "fused_pass.h"

namespace concertina::fused {

class Engine {
 public:
  // Null when the sub-model has a layer that cannot be fused, or a tap; why() then says which.
  // taps: indexes of layers of the spec.
  std::shared_ptr<const Compiled> compiled(const NetSpec& spec, const Subnet& subnet, Exits exits,
                                           const std::vector<int>& taps);
  const Unfit& why() const { return unfit_; }

  // Drops the plans of a width and the weights packed for them.
  void forget(Width width);
  void set_profile(Profile* into) { workspace_->profile = into; }

  // As FlexibleNet::forward. `tensors`: one entry a live layer of what was compiled.
  std::vector<at::Tensor> run(const at::Tensor& images, std::shared_ptr<const Compiled> compiled,
                              std::vector<LayerTensors> tensors, PassSetting setting);

 private:
  using Key = std::tuple<Subnet, Exits, std::vector<int>>;

  void prepare_threads();

  std::map<Key, std::shared_ptr<const Compiled>> compiled_;
  Unfit unfit_;
  std::shared_ptr<Workspace> workspace_ = std::make_shared<Workspace>();
};

}  // namespace concertina::fused
