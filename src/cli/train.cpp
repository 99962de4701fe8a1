// concertina train
#include <iostream>

#include "concertina/core/file.h"
#include "concertina/nets/catalog.h"

#include "commands.h"
#include "fresh_run.h"
#include "runs.h"
#include "start.h"
#include "teachers.h"
#include "training.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

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
  require_teachers(recipe);
  const at::Device device = start(options);
  const fs::path folder = options.needed("out");
  refuse_old_run(folder);
  make_net(options.needed("net"), {}, options.list("net-option"));  // before the data are read
  const PreparedData data = load_data(options, recipe);
  const NetSpec net = build_net(options, data);
  log_plan(net, recipe);
  create_folder(folder);
  const FolderLock lock(folder);
  refuse_old_run(folder);
  RunState state = first_state(net, recipe, data, device, options);
  return train_and_report(state, data, folder, device, options);
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
