// The images that the ends of a plan's edges look at: the step's own, transformed ones, adversarial
// ones. docs/methods.md, Adversarial images and Two views.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include <ATen/core/Tensor.h>

#include "concertina/distill/teacher.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/recipe/plan.h"

namespace concertina {

// What the replays of one batch have found, by view and width: how far the images are moved.
using Replays = std::map<std::pair<int, Width>, at::Tensor>;

// Where a step's images come from.
struct ImageSource {
  at::Tensor images;  // [B, C, H, W] float32, the step's own
  at::Tensor labels;  // [B] int64
  // The same images before augmentation, augmented by another draw, or from the other sensor; asked
  // for views of those kinds only.
  std::function<at::Tensor(ViewKind)> other;
  Normalization normalization;  // of the images; needed by gray, attack and replay
  Replays* replays = nullptr;   // kept between the replays of a batch; needed by replay
};

class ViewImages {
 public:
  ViewImages(FlexibleNet& net, const DistillPlan& plan, const ImageSource& source,
             const PlanStep& place);

  // Of views[view], or of the step where it is -1. Adversarial images are made for a width: they
  // raise the summed cross-entropy of all its exits. Each is made once.
  const at::Tensor& images(int view, Width width);
  // After the width's pass on replayed images went backward: moves them on.
  void learn(int view, Width width);

  // Whether the images depend on who looks at them.
  bool is_adversarial(int view) const;

 private:
  const PlanView& view(int index) const { return plan_.views[static_cast<std::size_t>(index)]; }
  at::Tensor make(int view, Width width);
  at::Tensor gray(const PlanView& view) const;
  at::Tensor attacked(const PlanView& view, Width width);
  at::Tensor replayed(int view, Width width);

  FlexibleNet& net_;
  const DistillPlan& plan_;
  const ImageSource& source_;
  const PlanStep& place_;
  std::map<std::pair<int, Width>, at::Tensor> made_;
};

}  // namespace concertina
