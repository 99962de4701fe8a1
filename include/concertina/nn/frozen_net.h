// A sub-model made ready to answer again and again: its weights packed for this processor, its
// norms turned into factors. Nothing in it changes any more, so several threads may call it at
// once. On the CPU, in float32. Not for: training, statistics, taps (nn/flexible_net.h).
#pragma once

#include <memory>
#include <vector>

#include "concertina/nn/flexible_net.h"

namespace concertina {

// Threads and memory that frozen nets share; each call takes what is idle.
class ExecutionContexts;
// Each call computes with at most so many threads; >= 1.
std::shared_ptr<ExecutionContexts> make_execution_contexts(int threads);

class FrozenNet {
 public:
  // The net's values as they are now; what becomes of the net later makes no difference.
  // Exits::up_to gives every exit up to the sub-model's. Throws UsageError when the width has no
  // statistics.
  FrozenNet(const FlexibleNet& net, const Subnet& subnet, Exits exits,
            std::shared_ptr<ExecutionContexts> contexts);

  int exit_count() const;

  // images: [N, C, H, W] float32. The logits [N, classes] of every exit. Throws UsageError for
  // images of another shape.
  std::vector<at::Tensor> forward(const at::Tensor& images) const;

  // Each image by itself, as far as the first exit at which `done` says so (by its place among the
  // exits, with its logits [1, classes]); what lies behind is not computed. The last exit is not
  // asked. `done` may be called by several threads at once.
  struct EarlyOutputs {
    at::Tensor logits;       // [N, classes]
    std::vector<int> exits;  // of each image, its exit's place
  };
  EarlyOutputs forward_until(const at::Tensor& images, const Done& done) const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace concertina
