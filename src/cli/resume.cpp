// concertina resume
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"

#include "commands.h"
#include "runs.h"
#include "start.h"
#include "training.h"

namespace concertina::cli {
namespace {

// What decides a run's bytes and is not what it was when the run began.
void warn_of_changes(const RunState& state, at::Device device) {
  const std::vector<std::string> then = split(state.environment, '\n');
  const std::vector<std::string> now = split(environment_text(device), '\n');
  for (std::size_t k = 0; k < now.size() && k < then.size(); ++k) {
    if (now[k] == then[k]) continue;
    log_warn("the run began with \"" + then[k] + "\", now it is \"" + now[k] +
             "\": its numbers may differ in the last digits");
  }
}

int run(const Options& options) {
  const at::Device device = start(options);
  const std::filesystem::path folder = run_folder(options.needed("RUN"));
  const FolderLock lock(folder);
  RunState state = read_run(folder / "run.h5");
  const Recipe recipe = recipe_of(state);
  if (state.progress.finished) {
    log_info("the run is finished: " + std::to_string(state.progress.epoch) + " epochs");
    print_training(state, folder, options.flag("json"));
    return 0;
  }
  warn_of_changes(state, device);
  const PreparedData data = data_of_run(state, recipe, options);
  log_info("continuing after epoch " + std::to_string(state.progress.epoch) + " of " +
           std::to_string(recipe.epochs) + ", step " +
           std::to_string(state.progress.step_in_epoch));
  return train_and_report(state, data, folder, device, options);
}

}  // namespace

Command resume_command() {
  return {"resume",
          "continue an interrupted run to its end, with the same numbers",
          with({positional("RUN", "the run folder"), data_option(), max_steps_option()},
               {machine_options(), output_options()}),
          {"concertina resume runs/mb1"},
          &run};
}

}  // namespace concertina::cli
