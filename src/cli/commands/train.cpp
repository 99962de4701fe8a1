// concertina train
#include <iostream>

#include "concertina/experiment/teachers.h"

#include "commands/commands.h"
#include "options/new_run_options.h"
#include "options/run_options.h"
#include "output/training.h"
#include "signals.h"
#include "start.h"

namespace concertina::cli {
namespace {

std::vector<Option> options() {
  return training_options(
      {out_option(),
       text_option("recipe", "NAME|FILE",
                   "how to train (see `concertina list recipes`); of a run, as it was trained"),
       integer_option("seed", {0, 9223372036854775807}, "recipe key train.seed"),
       flag_option("print-recipe", "print the recipe in full, and train nothing")});
}

Overrides overrides(const Options& options) {
  Overrides result = training_overrides(options);
  if (options.given("seed")) result.push_back("train.seed=" + options.text("seed"));
  return result;
}

int run(const Options& options) {
  Recipe recipe = find_recipe(options.needed("recipe"), overrides(options));
  name_teachers({&recipe}, options);
  if (options.flag("print-recipe")) {
    std::cout << print_recipe(recipe);
    return 0;
  }
  experiment::require_teachers(recipe);
  const at::Device device = start(options);
  const std::string& folder = options.needed("out");
  const experiment::NewRun setting = new_training(options, device);
  refuse_old_run(folder);
  const SignalGuard guard;
  experiment::Trained trained;
  {
    const TrainingBar bar(options.flag("quiet"));
    trained = experiment::train_new_run(setting, recipe, folder, bar.watcher(), max_steps(options));
  }
  return report_training(trained.state, trained.end, folder, options);
}

}  // namespace

Command train_command() {
  return {"train",
          "train every width and exit of a network in one run",
          options(),
          {"concertina train --net slimmable-mobilenet-v1 --recipe ipkd-ta \\",
           "    --data cifar10:DIR --out runs/mb1"},
          &run};
}

}  // namespace concertina::cli
