#include "concertina/nn/frozen_net.h"

#include <algorithm>
#include <mutex>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "fused_engine.h"

namespace concertina {
namespace {

// Things that are used by one call at a time, and made when none is idle.
template <class T>
class Idle {
 public:
  template <class Make>
  std::unique_ptr<T> take(const Make& make) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<T> one = std::move(idle_.back());
        idle_.pop_back();
        return one;
      }
    }
    return make();
  }
  void give_back(std::unique_ptr<T> one) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(one));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

std::shared_ptr<fused::Workspace> make_workspace(int threads) {
  auto workspace = std::make_shared<fused::Workspace>();
  workspace->pool = std::make_unique<kernels::ThreadPool>(threads);
  workspace->scratch.resize(static_cast<std::size_t>(threads));
  return workspace;
}

}  // namespace

// A place to work: a pool for the operations of one pass, and for every member of it a workspace
// where it computes a pass alone.
struct ExecutionContext {
  explicit ExecutionContext(int threads) : together(make_workspace(threads)) {
    for (int k = 0; k < threads; ++k) alone.push_back(make_workspace(1));
  }
  std::shared_ptr<fused::Workspace> together;
  std::vector<std::shared_ptr<fused::Workspace>> alone;
};

class ExecutionContexts {
 public:
  explicit ExecutionContexts(int threads) : threads_(threads) {}

  template <class Work>
  void use(const Work& work) {
    std::unique_ptr<ExecutionContext> place =
        places_.take([this] { return std::make_unique<ExecutionContext>(threads_); });
    work(*place);
    places_.give_back(std::move(place));
  }

 private:
  int threads_;
  Idle<ExecutionContext> places_;
};

std::shared_ptr<ExecutionContexts> make_execution_contexts(int threads) {
  return std::make_shared<ExecutionContexts>(std::max(threads, 1));
}

struct FrozenNet::Impl {
  Impl(const FlexibleNet& from, const Subnet& subnet, Exits exits)
      : net(from.extract(subnet, exits)),
        resolved(resolve(net.spec(), {Width(), net.spec().exit_count()})) {}

  std::unique_ptr<fused::PassState> take_state() {
    return states.take([this] { return std::make_unique<fused::PassState>(*prepared); });
  }
  // Computes in `workspace`.
  std::vector<at::Tensor> run(const at::Tensor& images, std::shared_ptr<fused::Workspace> workspace,
                              const Done& done) {
    const at::NoGradGuard guard;
    if (prepared == nullptr) {
      return net.forward_plain(images, resolved, {}, &net.banks_.at(Width()), Pass::evaluate, done);
    }
    std::unique_ptr<fused::PassState> state = take_state();
    state->workspace = std::move(workspace);
    std::vector<at::Tensor> results = fused::forward(*state, images, done);
    state->workspace.reset();
    state->maps.reset();
    states.give_back(std::move(state));
    return results;
  }

  FlexibleNet net;
  ResolvedNet resolved;
  std::unique_ptr<fused::PassState> prepared;  // null: the plain engine computes
  Idle<fused::PassState> states;               // copies of it
  std::shared_ptr<ExecutionContexts> contexts;
};

FrozenNet::FrozenNet(const FlexibleNet& net, const Subnet& subnet, Exits exits,
                     std::shared_ptr<ExecutionContexts> contexts) {
  net.check_bank(subnet.width, Pass::evaluate);
  impl_ = std::make_shared<Impl>(net, subnet, exits);
  impl_->contexts = std::move(contexts);
  FlexibleNet& small = impl_->net;
  const Subnet whole{Width(), small.spec().exit_count()};
  auto compiled = small.engine() == Engine::fused
                      ? small.fused_->compiled(small.spec(), whole, Exits::up_to, {})
                      : nullptr;
  if (compiled == nullptr) return;
  const at::NoGradGuard guard;
  auto state = std::make_unique<fused::PassState>();
  state->workspace = make_workspace(1);
  state->tensors =
      small.layer_tensors(compiled->resolved, &small.banks_.at(Width()), Pass::evaluate);
  state->compiled = std::move(compiled);
  state->setting.pass = Pass::evaluate;
  fused::prepare(*state);
  state->workspace.reset();
  impl_->prepared = std::move(state);
}

int FrozenNet::exit_count() const { return impl_->net.spec().exit_count(); }

std::vector<at::Tensor> FrozenNet::forward(const at::Tensor& images) const {
  impl_->net.check_shape(images);
  std::vector<at::Tensor> results;
  impl_->contexts->use(
      [&](const ExecutionContext& place) { results = impl_->run(images, place.together, {}); });
  return results;
}

FrozenNet::EarlyOutputs FrozenNet::forward_until(const at::Tensor& images, const Done& done) const {
  impl_->net.check_shape(images);
  const auto count = static_cast<int>(images.size(0));
  const int last = exit_count() - 1;
  EarlyOutputs answers{at::empty({count, impl_->net.spec().classes}, at::kFloat),
                       std::vector<int>(static_cast<std::size_t>(count), last)};
  const at::Tensor dense = images.contiguous();
  impl_->contexts->use([&](const ExecutionContext& place) {
    place.together->pool->run(count, [&](int image, int thread) {
      const at::NoGradGuard guard;
      int& exit = answers.exits[static_cast<std::size_t>(image)];
      const auto stops = [&](int at, const at::Tensor& logits) {
        if (at == last || !done(at, logits)) return false;
        exit = at;
        return true;
      };
      const auto results = impl_->run(dense.narrow(0, image, 1),
                                      place.alone[static_cast<std::size_t>(thread)], stops);
      answers.logits[image].copy_(results[static_cast<std::size_t>(exit)][0]);
    });
  });
  return answers;
}

}  // namespace concertina
