// The sub-models that a sweep measures, and the sweep as a whole.
#include "concertina/experiment/sweep.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The rows of these sub-models that a sweep of the same kind left, or none. When all are there they
// are measured anew: why else was it asked for.
Sweep begin(const fs::path& file, const SweepSetting& setting, const std::vector<Subnet>& subnets) {
  const std::optional<Sweep> old = earlier_sweep(file);
  const bool part =
      old && same_setting(old->setting, setting) && old->rows.size() < subnets.size() &&
      std::all_of(old->rows.begin(), old->rows.end(),
                  [&](const Measurement& row) { return contains(subnets, row.subnet); });
  if (!part) return {setting, {}};
  log_info("continuing a sweep that has " + std::to_string(old->rows.size()) + " of " +
           std::to_string(subnets.size()) + " rows");
  return *old;
}

[[noreturn]] void refuse_without_an_epoch() {
  throw UsageError("the run has no sub-model to measure: it has not finished its first epoch");
}

// Sub-models of trained or calibrated widths, or with `best` those that have a checkpoint.
std::vector<Subnet> measurable(const RunState& state, bool best) {
  std::vector<Subnet> subnets;
  for (const SubnetState& submodel : state.submodels) {
    if (is_measurable(state, submodel, best)) {
      subnets.push_back(submodel.subnet);
    } else {
      log_warn("sub-model " + subnet_id(state.net, submodel.subnet) + " is left out: it has no " +
               (best ? "best checkpoint" : "norm statistics"));
    }
  }
  if (subnets.empty()) refuse_without_an_epoch();
  return subnets;
}

// The first that gives the same network as `width`, or `width` itself.
Width first_same(const NetSpec& net, const std::vector<Width>& known, Width width) {
  if (contains(known, width)) return width;
  const auto same = std::find_if(known.begin(), known.end(),
                                 [&](Width other) { return same_network(net, other, width); });
  return same == known.end() ? width : *same;
}

// Each tuple of channels once, as a width of the run where one has it.
std::vector<Width> different_widths(const RunState& state, const std::vector<Width>& asked) {
  std::vector<Width> widths;
  for (const Width width : asked) {
    std::vector<Width> known = state.widths;
    known.insert(known.end(), widths.begin(), widths.end());
    const Width measured = first_same(state.net, known, width);
    if (measured != width) {
      log_info(width.label() + " has the channels of " + measured.label() +
               ": both are one sub-model");
    }
    if (!contains(widths, measured)) widths.push_back(measured);
  }
  std::sort(widths.begin(), widths.end());
  return widths;
}

[[noreturn]] void refuse_width(Width width, const std::string& why) {
  throw UsageError("width " + width.text() + " " + why);
}

// The sub-models of the widths asked for.
std::vector<Subnet> asked_for(const RunState& state, const Recipe& recipe,
                              const SweepRequest& request) {
  if (state.progress.epoch == 0) refuse_without_an_epoch();
  const std::vector<Width> widths = different_widths(state, request.widths);
  const std::vector<Subnet> subnets = all_subnets(state.net, widths);
  for (const Width width : widths) {
    if (is_calibrated(state, width) || recipe.norm != NormMode::switchable) continue;
    refuse_width(width,
                 "was not trained, and the run has switchable norms, which cannot be calibrated "
                 "(recipe key net.norm)");
  }
  if (!request.best) return subnets;
  for (const Subnet& subnet : subnets) {
    const auto has_best = [&](const SubnetState& one) {
      return one.subnet == subnet && is_measurable(state, one, true);
    };
    if (std::any_of(state.submodels.begin(), state.submodels.end(), has_best)) continue;
    refuse_width(subnet.width,
                 "has no best checkpoint; expected widths of the run, or the last state");
  }
  return subnets;
}

}  // namespace

SweepResult sweep(const LockedRun& run, const PreparedData& data, const SweepRequest& request,
                  const Watch& watch) {
  const RunState& state = run.state;
  const std::vector<Subnet> subnets = request.widths.empty()
                                          ? measurable(state, request.best)
                                          : asked_for(state, run.recipe, request);
  const Split& split = split_of(data, request.split);
  SweepResult result;
  result.file = run.folder / sweep_name(request.best);
  result.wanted = subnets.size();
  result.sweep =
      begin(result.file,
            sweep_setting(request.latency, request.split, split.size(), run.file(), request.device),
            subnets);
  Scorer scorer(state, run.recipe, request.device, request.best);
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, request.device);
  result.complete =
      Sweeper(state, scorer, data, loader, watch).run(subnets, result.sweep, result.file);
  return result;
}

}  // namespace concertina::experiment
