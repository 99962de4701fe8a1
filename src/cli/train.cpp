// concertina train
#include <iostream>

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
#include "teachers.h"
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
       {teacher_option()},
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
  for (const PlanNode& node : recipe.plan.nodes) log_info("plan: " + node_text(node));
  for (const Edge& edge : recipe.plan.edges) log_info("plan: " + edge_text(edge));
  const auto& widths = recipe.widths.empty() ? net.widths : recipe.widths;
  std::vector<std::pair<std::string, std::string>> teachers;  // of each student
  for (const Link& link : recipe.plan.links(plan_step(recipe, widths, net.exit_count()))) {
    const std::string student = end_text(net, recipe.plan, link.student);
    if (teachers.empty() || teachers.back().first != student) teachers.emplace_back(student, "");
    teachers.back().second += " " + end_text(net, recipe.plan, link.teacher);
  }
  for (const auto& [student, names] : teachers) {
    log_info("plan: " + student + " <-" + names +
             (recipe.random_widths >= 0 ? " (first step)" : ""));
  }
}

int run(const Options& options) {
  Recipe recipe = find_recipe(options.needed("recipe"), overrides(options));
  name_teachers(recipe, options);
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
  const Teachers teachers = open_teachers(recipe, data.description, device);
  RunState state = new_run(net, recipe, data, device, chosen_engine(options),
                           chosen_precision(options), teachers);
  return train_and_report(state, data, {folder, device, -1, teachers}, options);
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
