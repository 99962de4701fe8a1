// concertina train
#include <iostream>
#include <map>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/nets/catalogue.h"
#include "concertina/train/trainer.h"

#include "commands.h"
#include "fresh_run.h"
#include "runs.h"
#include "start.h"
#include "training.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

// Options that stand for a key of the recipe.
const std::vector<std::pair<const char*, const char*>> kKeys = {{"epochs", "train.epochs"},
                                                                {"batch", "train.batch"},
                                                                {"validation", "train.validation"},
                                                                {"seed", "train.seed"},
                                                                {"widths", "net.widths"}};

std::vector<Option> recipe_options() {
  return {list_option("set", "KEY=VALUE", "a recipe key, such as optimizer.lr=0.1"),
          integer_option("epochs", {1, 100000}, "recipe key train.epochs"),
          integer_option("batch", {1, 65536}, "recipe key train.batch: images a step"),
          integer_option("seed", {0, 9223372036854775807}, "recipe key train.seed"),
          integer_option("validation", {0, 100000000},
                         "recipe key train.validation: training images held out"),
          text_option("widths", "\"W W 1\"", "recipe key net.widths, such as \"0.25 0.5 1\"")};
}

std::vector<Option> options() {
  return with(
      fresh_run_options(),
      {{text_option("recipe", "NAME|FILE",
                    "how to train (see `concertina list recipes`); of a run, as it was trained")},
       recipe_options(),
       arithmetic_options(),
       {max_steps_option(),
        flag_option("print-recipe", "print the recipe in full, and train nothing")},
       machine_options(),
       output_options()});
}

Overrides overrides(const Options& options) {
  Overrides result = options.list("set");
  for (const auto& [option, key] : kKeys) {
    if (options.given(option)) result.push_back(std::string(key) + "=" + options.text(option));
  }
  return result;
}

// Who learns from whom, one line a student.
void log_plan(const NetSpec& net, const Recipe& recipe) {
  for (const Edge& edge : recipe.plan.edges) log_info("plan: " + edge_text(edge));
  const auto widths = active_widths(recipe, recipe.widths.empty() ? net.widths : recipe.widths, 0);
  std::map<Subnet, std::string> teachers;
  for (const Link& link : recipe.plan.links(widths, net.exit_count())) {
    teachers[link.student] += " " + (link.from_label ? "label" : subnet_id(net, link.teacher));
  }
  for (const auto& [student, names] : teachers) {
    log_info("plan: " + subnet_id(net, student) + " <-" + names +
             (recipe.random_widths >= 0 ? " (first step)" : ""));
  }
}

int run(const Options& options) {
  const Recipe recipe = find_recipe(options.needed("recipe"), overrides(options));
  if (options.flag("print-recipe")) {
    std::cout << print_recipe(recipe);
    return 0;
  }
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
  RunState state =
      new_run(net, recipe, data, device, chosen_engine(options), chosen_precision(options));
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
