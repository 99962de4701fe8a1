#include "concertina/distill/view_images.h"

#include <algorithm>

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/distill/adversary.h"

namespace concertina {
namespace {

// A width without running statistics yet is attacked by those of the batch.
Pass pass_of(AttackNorm norm, bool has_statistics) {
  switch (norm) {
    case AttackNorm::batch:
      return Pass::probe;
    case AttackNorm::running:
      return has_statistics ? Pass::evaluate : Pass::probe;
    case AttackNorm::update:
      break;
  }
  return Pass::train;
}

at::Tensor per_channel(const std::vector<float>& values, const at::Tensor& like) {
  return at::tensor(values, at::kFloat)
      .to(like.options())
      .reshape({1, static_cast<std::int64_t>(values.size()), 1, 1});
}

}  // namespace

ViewImages::ViewImages(FlexibleNet& net, const DistillPlan& plan, const ImageSource& source,
                       const PlanStep& place)
    : net_(net), plan_(plan), source_(source), place_(place) {}

bool ViewImages::is_adversarial(int index) const {
  return index >= 0 &&
         (view(index).kind == ViewKind::attack || view(index).kind == ViewKind::replay);
}

const at::Tensor& ViewImages::images(int view, Width width) {
  if (view < 0) return source_.images;
  const auto key = std::make_pair(view, is_adversarial(view) ? width : Width());
  const auto found = made_.find(key);
  return found != made_.end() ? found->second : made_[key] = make(view, width);
}

at::Tensor ViewImages::make(int index, Width width) {
  const PlanView& one = view(index);
  switch (one.kind) {
    case ViewKind::plain:
    case ViewKind::augmented:
    case ViewKind::original:
      return source_.other(one.kind);
    case ViewKind::gray:
      return gray(one);
    case ViewKind::attack:
      return attacked(one, width);
    case ViewKind::replay:
      break;
  }
  return replayed(index, width);
}

// The noise is one map an image, the same in every channel: one noisy sensor.
at::Tensor ViewImages::gray(const PlanView& view) const {
  const at::Tensor deviation = per_channel(source_.normalization.deviation, source_.images);
  const at::Tensor mean = per_channel(source_.normalization.mean, source_.images);
  at::Tensor pixels = at::mean(source_.images * deviation + mean, {1}, /*keepdim=*/true);
  const double noise = view.number("noise");
  if (noise > 0) {
    at::Tensor drawn = at::empty(pixels.sizes(), at::kFloat);
    CounterRandom random(place_.seed, Stream::view_noise, static_cast<std::uint32_t>(place_.step));
    float* values = drawn.data_ptr<float>();
    for (std::int64_t k = 0; k < drawn.numel(); ++k) {
      values[k] = static_cast<float>(noise * random.normal());
    }
    pixels = at::clamp(pixels + drawn.to(pixels.device()), 0, 1);
  }
  return (pixels - mean) / deviation;
}

at::Tensor ViewImages::attacked(const PlanView& view, Width width) {
  AttackSetting setting;
  setting.epsilon = view.number("epsilon");
  setting.step = view.number("step");
  setting.steps = static_cast<int>(view.number("steps"));
  setting.random_start = view.number("random-start") != 0;
  setting.seed = place_.seed;
  setting.counter = static_cast<std::uint32_t>(place_.step);
  setting.mean = source_.normalization.mean;
  setting.deviation = source_.normalization.deviation;
  const Pass pass = pass_of(view.norm, net_.is_calibrated(width));
  const auto loss = [&](const at::Tensor& images) {
    at::Tensor sum = at::zeros({}, images.options());
    for (const at::Tensor& logits : net_.forward(images, {width, net_.spec().exit_count()}, pass)) {
      sum = sum + at::nll_loss(at::log_softmax(logits, 1), source_.labels);
    }
    return sum;
  };
  return projected_gradient(loss, source_.images, setting);
}

at::Tensor ViewImages::replayed(int index, Width width) {
  if (source_.replays == nullptr) {
    throw ProgrammingError("image source without replays; expected them for a view of that kind");
  }
  at::Tensor& moved = (*source_.replays)[{index, width}];
  if (!moved.defined()) moved = at::zeros_like(source_.images);
  return (source_.images + moved).set_requires_grad(true);
}

// Free adversarial training: epsilon times the sign of the gradient, kept in the ball and in the
// pixels' range.
void ViewImages::learn(int index, Width width) {
  if (index < 0 || view(index).kind != ViewKind::replay) return;
  const at::Tensor& images = made_.at({index, width});
  const at::Tensor deviation = per_channel(source_.normalization.deviation, images);
  const at::Tensor mean = per_channel(source_.normalization.mean, images);
  const at::Tensor ball = view(index).number("epsilon") / deviation;
  at::Tensor& moved = (*source_.replays)[{index, width}];
  moved = at::maximum(at::minimum(moved + at::sign(images.grad()) * ball, ball), -ball);
  const at::Tensor low = (0 - mean) / deviation, high = (1 - mean) / deviation;
  moved = at::maximum(at::minimum(source_.images + moved, high), low) - source_.images;
}

}  // namespace concertina
