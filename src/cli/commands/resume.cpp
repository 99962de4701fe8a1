// concertina resume
#include "concertina/core/log.h"
#include "concertina/experiment/new_run.h"

#include "commands/commands.h"
#include "options/new_run_options.h"
#include "options/run_options.h"
#include "output/training.h"
#include "signals.h"
#include "start.h"

namespace concertina::cli {
namespace {

int run(const Options& options) {
  start_log(options);
  experiment::LockedRun run(options.needed("RUN"));
  RunState& state = run.state;
  if (state.progress.finished) {
    log_info("the run is finished: " + std::to_string(state.progress.epoch) + " epochs");
    print_training(state, run.folder, options.flag("json"));
    return 0;
  }
  const at::Device device = start_as_before(options, state.environment);
  experiment::warn_of_changes(state, device);
  const PreparedData data = data_of_run(state, run.recipe, options);
  log_info("continuing after epoch " + std::to_string(state.progress.epoch) + " of " +
           std::to_string(run.recipe.epochs) + ", step " +
           std::to_string(state.progress.step_in_epoch));
  const SignalGuard guard;
  TrainEnd end = TrainEnd::finished;
  {
    const TrainingBar bar(options.flag("quiet"));
    const TrainSetting setting =
        experiment::train_setting(state, run.folder, device, max_steps(options));
    end = train(state, data, setting, bar.watcher());
  }
  return report_training(state, end, run.folder, options);
}

}  // namespace

Command resume_command() {
  return {"resume",
          "continue an interrupted run to its end, with the same numbers",
          with({positional("RUN", "the run folder"), data_option(), max_steps_option()},
               {machine_options_of_run(), output_options()}),
          {"concertina resume runs/mb1"},
          &run};
}

}  // namespace concertina::cli
