#include "fused_engine.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace concertina::fused {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Kept : torch::CustomClassHolder {
  std::shared_ptr<PassState> state;
};

// `anchor` is any tensor that requires a gradient: it makes autograd record the pass, whose weights
// it does not see.
struct Node : torch::autograd::Function<Node> {
  static variable_list forward(AutogradContext* context, const at::Tensor& images,
                               const at::Tensor& /*anchor*/, std::shared_ptr<PassState> state) {
    auto kept = c10::make_intrusive<Kept>();
    kept->state = state;
    context->saved_data["pass"] = c10::IValue::make_capsule(std::move(kept));
    context->saved_data["of_images"] = images.requires_grad();
    return fused::forward(*state, images.detach());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::NoGradGuard guard;
    const auto capsule = context->saved_data.at("pass").toCapsule();
    const auto& kept = static_cast<const Kept&>(*capsule);
    const bool of_images = context->saved_data.at("of_images").toBool();
    return {fused::backward(*kept.state, gradients, of_images), at::Tensor(), at::Tensor()};
  }
};

const at::Tensor& first_weight(const std::vector<LayerTensors>& tensors) {
  for (const LayerTensors& one : tensors) {
    if (one.weight.defined()) return one.weight;
  }
  return tensors.front().weight;
}

}  // namespace

std::shared_ptr<const Compiled> Engine::compiled(const NetSpec& spec, const Subnet& subnet,
                                                 Exits exits, const std::vector<int>& taps) {
  const auto [found, fresh] = compiled_.try_emplace(Key{subnet, exits, taps});
  if (fresh) {
    auto made = std::make_shared<Compiled>();
    made->resolved = resolve(spec, subnet, exits);
    try {
      made->plan = compile(spec, made->resolved, taps);
      found->second = std::move(made);
    } catch (const Unfit& unfit) {
      unfit_ = unfit;
    }
  }
  return found->second;
}

void Engine::forget(Width width) {
  for (auto one = compiled_.begin(); one != compiled_.end();) {
    if (std::get<Subnet>(one->first).width == width) {
      workspace_->kept.erase(one->second);
      one = compiled_.erase(one);
    } else {
      ++one;
    }
  }
}

void Engine::prepare_threads() {
  const int threads = kernels::thread_count();
  if (workspace_->pool != nullptr && workspace_->pool->threads() == threads) return;
  workspace_->pool = std::make_unique<kernels::ThreadPool>(threads);
  workspace_->scratch.resize(static_cast<std::size_t>(threads));
}

std::vector<at::Tensor> Engine::run(const at::Tensor& images,
                                    std::shared_ptr<const Compiled> compiled,
                                    std::vector<LayerTensors> tensors, PassSetting setting) {
  prepare_threads();
  const at::Tensor anchor = first_weight(tensors);
  setting.with_gradient =
      at::GradMode::is_enabled() && (images.requires_grad() || anchor.requires_grad());
  auto state = std::make_shared<PassState>();
  state->workspace = workspace_;
  state->compiled = std::move(compiled);
  state->tensors = std::move(tensors);
  state->setting = setting;
  if (setting.with_gradient) return Node::apply(images, anchor, state);
  const at::NoGradGuard guard;
  return fused::forward(*state, images);
}

}  // namespace concertina::fused
