// concertina resume
#include "concertina/core/log.h"
#include "concertina/core/text.h"

#include "commands.h"
#include "runs.h"
#include "start.h"
#include "teachers.h"
#include "training.h"

namespace concertina::cli {
namespace {

// What decides a run's bytes and is not what it was when the run began.
void warn_of_changes(const RunState& state, at::Device device) {
  const std::vector<std::string> then = split(state.environment, '\n');
  const std::vector<std::string> now =
      split(environment_text(device, recorded_engine(state.environment),
                             recorded_precision(state.environment)),
            '\n');
  for (std::size_t k = 0; k < now.size() && k < then.size(); ++k) {
    if (now[k] == then[k] || then[k].empty()) continue;  // empty: not recorded then
    log_warn("the run began with \"" + then[k] + "\", now it is \"" + now[k] +
             "\": its numbers may differ in the last digits");
  }
}

int run(const Options& options) {
  start_log(options);
  LockedRun run(options.needed("RUN"));
  RunState& state = run.state;
  if (state.progress.finished) {
    log_info("the run is finished: " + std::to_string(state.progress.epoch) + " epochs");
    print_training(state, run.folder, options.flag("json"));
    return 0;
  }
  const at::Device device = start_as_before(options, state.environment);
  warn_of_changes(state, device);
  const PreparedData data = data_of_run(state, run.recipe, options);
  log_info("continuing after epoch " + std::to_string(state.progress.epoch) + " of " +
           std::to_string(run.recipe.epochs) + ", step " +
           std::to_string(state.progress.step_in_epoch));
  const Teachers teachers = open_teachers(run.recipe, data.description, device);
  return train_and_report(state, data, {run.folder, device, -1, teachers}, options);
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
