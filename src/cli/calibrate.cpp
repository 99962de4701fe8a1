// concertina calibrate
#include "concertina/eval/calibrate.h"

#include <algorithm>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/log.h"

#include "commands.h"
#include "results.h"
#include "runs.h"
#include "start.h"

namespace concertina::cli {
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

int run(const Options& options) {
  const at::Device device = start(options);
  LockedRun run(options.needed("RUN"));
  RunState& state = run.state;
  const Recipe& recipe = run.recipe;
  const Width width = Width::parse(options.needed("width"));
  check_run(state, recipe, width);
  const PreparedData data = data_of_run(state, recipe, options);
  FlexibleNet net = net_of_run(state, recipe, device);
  CalibrationSetting setting = calibration_setting(recipe);
  if (options.given("images")) setting.images = options.integer("images");
  calibrate(net, width, data.train, data.statistics, setting);
  store_norms(net, width, state);
  write_run(run.file(), state);
  const std::int64_t images = std::min(setting.images, data.train.size());
  if (options.flag("json")) {
    print_json({{"run", run.folder.string()}, {"width", width_json(width)}, {"images", images}});
  } else {
    std::cout << "width " << width.text() << " calibrated on " << images << " images\n";
  }
  return 0;
}

}  // namespace

Command calibrate_command() {
  return {"calibrate",
          "measure the norm statistics of a width, of runs with shared norms (net.norm)",
          with({positional("RUN", "the run folder"),
                text_option("width", "W",
                            "which width, such as 0.35, or a share a stage: 0.5,0.75,1; need not "
                            "be in the recipe"),
                integer_option("images", {1, 100000000},
                               "training images; without it, distill.calibration-images"),
                data_option()},
               {machine_options(), output_options()}),
          {"concertina calibrate runs/us1 --width 0.35"},
          &run};
}

}  // namespace concertina::cli
