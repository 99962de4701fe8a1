// One training step: walks the plan over one batch and leaves the gradients in the net's
// parameters. The only place where a training loss is formed. Not for: the optimiser and the loop
// (train).
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/nn/flexible_net.h"
#include "concertina/recipe/plan.h"

namespace concertina {

// What one link of the plan gave. Both figures carry the edge's weight.
struct LinkReport {
  Link link;
  double loss = 0;           // nats
  double gradient_norm = 0;  // of the loss in the student's logits, 2-norm over the batch
};

struct SubnetReport {
  Subnet subnet;
  double loss = 0;           // sum over its links
  std::int64_t correct = 0;  // images of the batch whose largest logit is the label's
};

struct StepReport {
  std::vector<LinkReport> links;
  std::vector<SubnetReport> subnets;  // in the order in which they ran
};

// images: [B, C, H, W] float32; labels: [B] int64. Runs `active` widths widest first, each in train
// mode, adds each link's gradient, and goes backward a width at a time (all at the end when an edge
// lets gradients through to its teacher). Losses of sub-models are summed (docs/methods.md,
// One step). Gradients are added to what parameters() already hold; the caller clears them.
// Throws DivergedError naming sub-model and term when a loss or gradient is not finite; the
// parameters are unchanged then.
StepReport train_step(FlexibleNet& net, const DistillPlan& plan, const std::vector<Width>& active,
                      const at::Tensor& images, const at::Tensor& labels);

}  // namespace concertina
