// One training step: walks the plan over one batch and leaves the gradients in the net's
// parameters. The only place where a training loss is formed. Not for: the optimizer and the loop
// (train).
#pragma once

#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/distill/auxiliary_modules.h"
#include "concertina/distill/view_images.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/recipe/plan.h"

namespace concertina {

// What one term of the plan gave. Both figures carry the edge's weight.
struct TermReport {
  LossTerm term;
  double loss = 0;           // nats; of features: their own unit
  double gradient_norm = 0;  // of the loss in what the student answers, 2-norm over the batch
};

struct SubnetReport {
  Subnet subnet;
  double loss = 0;           // sum over its terms
  std::int64_t correct = 0;  // images of the batch whose largest logit is the label's
};

struct StepReport {
  std::vector<TermReport> terms;
  std::vector<SubnetReport> subnets;  // those that ran, largest first
};

struct StepInput {
  ImageSource source;
  PlanStep place;
};

// Runs the active widths widest first, in train mode, each once for every view that an edge has of
// it; widths that no term joins do not run. A term is followed as soon as all that it joins has
// answered, and a pass goes backward as soon as no term is left that gives it a gradient: under
// `stop` edges from larger sub-models that is at once, so one pass's maps are alive at a time.
// Losses of sub-models are summed (docs/methods.md, One step). Gradients are added to what the
// parameters of net and parts already hold; the caller clears them. Throws DivergedError naming
// sub-model and term when a loss or gradient is not finite; the parameters are unchanged then.
StepReport train_step(FlexibleNet& net, const DistillPlan& plan, const AuxiliaryModules& parts,
                      const StepInput& input);

}  // namespace concertina
