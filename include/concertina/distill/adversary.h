// Images that a loss likes least: projected gradient ascent in the ball of the largest norm (Madry
// et al., ICLR 2018), the inner loop of ARD and its like (docs/methods.md, Adversarial images). One
// step without a random start is FGSM.
// Not for: the mode of the norms while attacking, which is what `loss` makes of it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace concertina {

struct AttackSetting {
  // In pixels, black 0 and white 1.
  double epsilon = 8.0 / 255;
  double step = 2.0 / 255;
  int steps = 10;
  // Start anywhere in the ball: numbers of Stream::attack by seed, counter (the training step, say)
  // and the image's place in the batch.
  bool random_start = true;
  std::uint64_t seed = 0;
  std::uint32_t counter = 0;
  // Of each channel; images hold (pixel - mean) / deviation.
  std::vector<float> mean, deviation;
};

// images: [N, C, H, W] float32 or float64, normalized. loss: a scalar of such images, to be raised;
// it is differentiated in the images alone, so no parameter's gradient changes, but where a pass
// adds to them by itself: the fused engine's does, so attack through the plain one. Works also
// where gradients are switched off. The result is detached, has pixels in 0..1, and none is further
// from the image's than epsilon, for images in 0..1 themselves.
at::Tensor projected_gradient(const std::function<at::Tensor(const at::Tensor& images)>& loss,
                              const at::Tensor& images, const AttackSetting& setting);

}  // namespace concertina
