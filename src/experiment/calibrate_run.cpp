#include "concertina/experiment/calibrate_run.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/eval/calibrate.h"

namespace concertina::experiment {
namespace {

void check_run(const RunState& state, const Recipe& recipe, Width width) {
  if (recipe.norm == NormMode::switchable) {
    throw UsageError(
        "the run has switchable norms: each width was trained with its own, and there "
        "is nothing to calibrate (recipe key net.norm)");
  }
  const bool listed =
      std::find(state.widths.begin(), state.widths.end(), width) != state.widths.end();
  if (listed || state.progress.finished) return;
  // A width of the list is trained and kept in the history; none may join half-way.
  throw UsageError("width " + width.text() +
                   " is not one of the run's, and further widths can be "
                   "calibrated only once the run is finished");
}

// The bank of the width, made with its sub-models where the run did not have it.
NormBank& bank_of(RunState& state, Width width) {
  const auto place = std::lower_bound(state.widths.begin(), state.widths.end(), width);
  const auto index = place - state.widths.begin();
  if (place == state.widths.end() || *place != width) {
    state.widths.insert(place, width);
    state.norms.insert(state.norms.begin() + index, NormBank{width, false, {}});
    std::vector<SubnetState> submodels;
    for (const Subnet& subnet : all_subnets(state.net, state.widths)) {
      const auto old = std::find_if(state.submodels.begin(), state.submodels.end(),
                                    [&](const SubnetState& one) { return one.subnet == subnet; });
      submodels.push_back(old == state.submodels.end() ? SubnetState{subnet, {}} : *old);
    }
    state.submodels = std::move(submodels);
  }
  return state.norms[static_cast<std::size_t>(index)];
}

void store_norms(const FlexibleNet& net, Width width, RunState& state) {
  NormBank& bank = bank_of(state, width);
  bank.calibrated = true;
  bank.values.clear();
  for (const Parameter& parameter : net.norms(width)) {
    bank.values.push_back({parameter.name,
                           parameter.value.detach().to(at::kCPU).contiguous().clone(),
                           parameter.axes});
  }
}

}  // namespace

void check_calibration(const LockedRun& run, Width width) {
  check_run(run.state, run.recipe, width);
}

std::int64_t calibrate_run(LockedRun& run, const PreparedData& data, Width width, at::Device device,
                           std::optional<std::int64_t> images) {
  check_calibration(run, width);
  FlexibleNet net = net_of_run(run.state, run.recipe, device);
  CalibrationSetting setting = calibration_setting(run.recipe);
  if (images) setting.images = *images;
  calibrate(net, width, data.train, data.statistics, setting);
  store_norms(net, width, run.state);
  write_run(run.file(), run.state);
  return std::min(setting.images, data.train.size());
}

}  // namespace concertina::experiment
