#include "concertina/distill/adversary.h"

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"

namespace concertina {
namespace {

// One number a channel, [C, 1, 1], like the images.
at::Tensor per_channel(const std::vector<float>& values, const at::Tensor& images) {
  if (static_cast<std::int64_t>(values.size()) != images.size(1)) {
    throw ProgrammingError("attack: a normalization of " + std::to_string(values.size()) +
                           " channels; expected " + std::to_string(images.size(1)) +
                           ", as the images have");
  }
  return at::tensor(at::ArrayRef<float>(values), at::kFloat).to(images.options()).view({-1, 1, 1});
}

// In [-1, 1), like the images.
at::Tensor random_directions(const AttackSetting& setting, const at::Tensor& images) {
  at::Tensor numbers = at::empty(images.sizes(), at::kFloat);
  float* place = numbers.data_ptr<float>();
  const std::int64_t each = images.numel() / images.size(0);
  for (std::int64_t image = 0; image < images.size(0); ++image) {
    CounterRandom random(setting.seed, Stream::attack, setting.counter,
                         static_cast<std::uint64_t>(image));
    for (std::int64_t k = 0; k < each; ++k) {
      *place++ = static_cast<float>(2 * random.uniform() - 1);
    }
  }
  return numbers.to(images.options());
}

at::Tensor gradient_of(const std::function<at::Tensor(const at::Tensor&)>& loss,
                       const at::Tensor& images) {
  const c10::AutoGradMode enabled(true);
  const at::Tensor leaf = images.detach().set_requires_grad(true);
  return torch::autograd::grad({loss(leaf)}, {leaf})[0];
}

}  // namespace

at::Tensor projected_gradient(const std::function<at::Tensor(const at::Tensor& images)>& loss,
                              const at::Tensor& images, const AttackSetting& setting) {
  const c10::AutoGradMode disabled(false);
  const at::Tensor mean = per_channel(setting.mean, images);
  const at::Tensor deviation = per_channel(setting.deviation, images);
  const at::Tensor reach = at::div(at::full_like(deviation, setting.epsilon), deviation);
  const at::Tensor step = at::div(at::full_like(deviation, setting.step), deviation);
  const at::Tensor low = at::maximum(at::sub(images, reach), at::div(at::neg(mean), deviation));
  const at::Tensor high =
      at::minimum(at::add(images, reach), at::div(at::rsub(mean, 1), deviation));
  const auto project = [&](const at::Tensor& moved) {
    return at::minimum(at::maximum(moved, low), high);
  };
  at::Tensor found = images.detach();
  if (setting.random_start) {
    found = project(at::add(found, at::mul(random_directions(setting, images), reach)));
  }
  for (int k = 0; k < setting.steps; ++k) {
    found = project(at::add(found, at::mul(at::sign(gradient_of(loss, found)), step)));
  }
  return found;
}

}  // namespace concertina
