#include "concertina/deploy/flexible_model.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <utility>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/kernels/thread_pool.h"
#include "concertina/nn/frozen_net.h"
#include "concertina/select/early_exit.h"

#include "tensors.h"

namespace concertina::deploy {
namespace {

// The largest softmax probability of one image's logits.
float confidence(const at::Tensor& logits) {
  const float* values = logits.data_ptr<float>();
  const float* end = values + logits.numel();
  const float largest = *std::max_element(values, end);
  float sum = 0;
  for (const float* value = values; value != end; ++value) sum += std::exp(*value - largest);
  return 1 / sum;
}

at::Tensor per_channel(const std::vector<float>& values) {
  at::Tensor tensor = at::empty({1, static_cast<std::int64_t>(values.size()), 1, 1}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

}  // namespace

FlexibleNet net_of_model(const ModelState& state) {
  const at::NoGradGuard guard;
  std::vector<Width> widths;
  for (const NormBank& bank : state.norms) widths.push_back(bank.width);
  FlexibleNet net(state.net, widths, {}, 0, at::kCPU);
  load_tensors(state.weights, net.weights());
  for (const NormBank& bank : state.norms) {
    load_tensors(bank.values, net.norms(bank.width));
    net.set_calibrated(bank.width, true);
  }
  return net;
}

struct FlexibleModel::Impl {
  Impl(ModelState given, int threads)
      : net(net_of_model(given)),
        state(std::move(given)),
        contexts(make_execution_contexts(threads > 0 ? threads : kernels::thread_count())) {
    state.weights.clear();  // the net has them
    for (NormBank& bank : state.norms) bank.values.clear();
  }

  // Made when it is first asked for.
  FrozenNet frozen(const Subnet& subnet, Exits exits) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto key = std::make_pair(subnet, exits);
    auto found = ready.find(key);
    if (found == ready.end()) {
      found = ready.emplace(key, FrozenNet(net, subnet, exits, contexts)).first;
    }
    return found->second;
  }

  FlexibleNet net;
  ModelState state;
  std::shared_ptr<ExecutionContexts> contexts;
  std::mutex mutex;  // of `ready`
  std::map<std::pair<Subnet, Exits>, FrozenNet> ready;
};

FlexibleModel FlexibleModel::load(const std::filesystem::path& file, int threads) {
  ModelState state = read_model(file);
  try {
    return FlexibleModel(std::move(state), threads);
  } catch (const DataError& error) {
    throw DataError(file.string() + ": " + error.what());
  }
}

FlexibleModel::FlexibleModel(ModelState state, int threads)
    : impl_(std::make_shared<Impl>(std::move(state), threads)) {}

const NetSpec& FlexibleModel::net() const { return impl_->state.net; }

const std::vector<std::string>& FlexibleModel::classes() const { return impl_->state.classes; }

std::string FlexibleModel::origin(const std::string& key) const {
  for (const auto& [name, value] : impl_->state.origin) {
    if (name == key) return value;
  }
  return "";
}

const std::vector<Measurement>& FlexibleModel::submodels() const { return impl_->state.submodels; }

const Measurement& FlexibleModel::submodel(const std::string& id) const {
  std::vector<std::string> known;
  for (const Measurement& one : submodels()) {
    if (one.id == id) return one;
    known.push_back(one.id);
  }
  throw UsageError(unknown_message("sub-model", id, known));
}

const Measurement& FlexibleModel::pick(const Budget& budget) const {
  return submodel(choose(submodels(), budget).id);
}

at::Tensor FlexibleModel::normalize(const at::Tensor& pixels) const {
  if (pixels.scalar_type() != at::kByte || pixels.dim() != 4 ||
      pixels.size(1) != net().in_channels) {
    throw UsageError("pixels are not [N, " + std::to_string(net().in_channels) +
                     ", H, W] of uint8");
  }
  const at::NoGradGuard guard;
  const at::Tensor mean = per_channel(impl_->state.mean);
  const at::Tensor deviation = per_channel(impl_->state.deviation);
  return pixels.to(at::kFloat).div_(255).sub_(mean).div_(deviation);
}

at::Tensor FlexibleModel::forward(const at::Tensor& images, const Subnet& subnet) const {
  const bool listed = std::any_of(submodels().begin(), submodels().end(),
                                  [&](const auto& one) { return one.subnet == subnet; });
  if (!listed) submodel(subnet_id(net(), subnet));  // throws
  return impl_->frozen(subnet, Exits::only).forward(images).front();
}

const std::vector<ExitPolicy>& FlexibleModel::exit_policies(Width width) const {
  static const std::vector<ExitPolicy> none;
  for (const EarlyExit& early : impl_->state.early_exits) {
    if (early.width == width) return early.policies;
  }
  return none;
}

const ExitPolicy& FlexibleModel::pick_exits(double max_average_macs, Width width) const {
  return choose_exit_policy(exit_policies(width), max_average_macs);
}

FlexibleModel::EarlyOutputs FlexibleModel::forward_early(const at::Tensor& images,
                                                         const ExitPolicy& policy,
                                                         Width width) const {
  const int exits = net().exit_count();
  if (policy.thresholds.size() != static_cast<std::size_t>(exits)) {
    throw UsageError("an exit policy of " + std::to_string(policy.thresholds.size()) +
                     " thresholds for a net of " + std::to_string(exits) + " exits");
  }
  const auto sure = [&](int exit, const at::Tensor& logits) {
    return confidence(logits) >= policy.thresholds[static_cast<std::size_t>(exit)];
  };
  FrozenNet::EarlyOutputs found =
      impl_->frozen({width, exits}, Exits::up_to).forward_until(images, sure);
  EarlyOutputs answers{std::move(found.logits), std::move(found.exits), exits};
  for (int& exit : answers.exits) ++exit;
  return answers;
}

std::vector<std::int64_t> FlexibleModel::EarlyOutputs::counts() const {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(exit_count), 0);
  for (const int exit : exits) ++counts[static_cast<std::size_t>(exit - 1)];
  return counts;
}

}  // namespace concertina::deploy
