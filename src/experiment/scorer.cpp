#include "concertina/experiment/scorer.h"

#include <algorithm>

#include "concertina/core/error.h"

namespace concertina::experiment {

Scorer::Scorer(const RunState& state, const Recipe& recipe, at::Device device, bool best)
    : state_(state),
      recipe_(recipe),
      device_(device),
      best_(best),
      net_(net_of_run(state, recipe, device)) {}

void Scorer::calibrate(Width width, const PreparedData& data) {
  concertina::calibrate(net_, width, data.train, data.statistics, calibration_setting(recipe_));
}

const SubnetState& Scorer::submodel(const Subnet& subnet) const {
  const auto found = std::find_if(state_.submodels.begin(), state_.submodels.end(),
                                  [&](const SubnetState& one) { return one.subnet == subnet; });
  if (found != state_.submodels.end()) return *found;
  throw UsageError("the run has no sub-model " + subnet_id(state_.net, subnet));
}

FlexibleNet Scorer::small_net(const Subnet& subnet) const {
  return best_ ? best_of_run(state_, submodel(subnet), device_) : net_.extract(subnet, Exits::only);
}

std::optional<Score> Scorer::score(const Subnet& subnet, const EvalLoader& loader,
                                   const EvalProgress& progress) {
  if (best_) {
    FlexibleNet net = small_net(subnet);
    std::vector<Score> scores = evaluate(net, loader, {Width()}, progress);
    if (scores.empty()) return std::nullopt;
    scores.front().subnet = subnet;
    return scores.front();
  }
  const auto find = [&] {
    return std::find_if(known_.begin(), known_.end(),
                        [&](const Score& one) { return one.subnet == subnet; });
  };
  if (find() == known_.end()) {
    const std::vector<Score> scores = evaluate(net_, loader, {subnet.width}, progress);
    known_.insert(known_.end(), scores.begin(), scores.end());
  }
  const auto found = find();
  return found == known_.end() ? std::nullopt : std::optional<Score>(*found);
}

}  // namespace concertina::experiment
