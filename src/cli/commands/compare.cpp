// concertina compare: the same trainings with several recipes and seeds, side by side.
#include "concertina/experiment/compare.h"

#include <iostream>
#include <memory>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"

#include "commands/commands.h"
#include "options/new_run_options.h"
#include "options/run_options.h"
#include "options/seeds.h"
#include "output/comparison_results.h"
#include "output/training.h"
#include "signals.h"
#include "start.h"

namespace concertina::cli {
namespace {

using experiment::CompareResult;

// --recipes and --seeds.
std::vector<Option> plan_options() {
  return {text_option("recipes", "A,B,...",
                      "names or files of recipes; the others are compared with the first"),
          text_option("seeds", "N|S,S,...", "how many seeds, from 1 on; or which")};
}

void refuse_other_seed(const Options& options) {
  for (const std::string& text : options.list("set")) {
    if (split(text, '=')[0] != "train.seed") continue;
    throw UsageError("--set " + text + ": the seeds of a comparison are those of --seeds");
  }
}

experiment::PlanRequest plan_request(const Options& options) {
  experiment::PlanRequest request;
  request.recipes = split(options.needed("recipes"), ',');
  for_option("--recipes", [&] { experiment::check_recipe_names(request.recipes); });
  refuse_other_seed(options);
  request.seeds = parse_seeds(options.needed("seeds"));
  request.overrides = training_overrides(options);
  request.schedules = recipe_folder();
  request.teachers = options.list("teacher");
  return request;
}

experiment::CompareWatch watch(const Options& options, const std::string& folder) {
  // Each run's bar ends when the next begins.
  const auto bar = std::make_shared<std::optional<TrainingBar>>();
  const bool quiet = options.flag("quiet");
  return {
      [bar, quiet](const std::string& which) { return bar->emplace(quiet, which + " ").watcher(); },
      [bar, folder](const experiment::Comparison& comparison) {
        bar->reset();
        write_comparison(comparison, folder);
      }};
}

void print(const experiment::Comparison& comparison, const Options& options) {
  if (options.flag("json")) {
    print_json(comparison_json(comparison));
  } else {
    std::cout << comparison_text(comparison);
  }
}

void refuse_divergence(const CompareResult& result) {
  if (result.diverged == 0) return;
  throw DivergedError("left out " + std::to_string(result.diverged) + " of " +
                      std::to_string(result.comparison.runs.size()) + " runs, the first " +
                      result.first_divergence);
}

int run(const Options& options) {
  const at::Device device = start(options);
  const std::string& folder = options.needed("out");
  const std::vector<experiment::PlannedRun> plan = experiment::planned_runs(plan_request(options));
  const experiment::NewRun setting = new_training(options, device);
  const SignalGuard guard;
  const CompareResult result = experiment::compare_recipes(
      setting, plan, folder, watch(options, folder), max_steps(options));
  const std::string where = result.where + "; the state is saved; the same command continues";
  if (result.end == TrainEnd::step_limit) throw StoppedError("step limit met in " + where);
  if (result.end == TrainEnd::interrupted) {
    log_warn("interrupted in " + where);
    return 128 + SignalGuard::received();
  }
  print(result.comparison, options);
  refuse_divergence(result);
  return 0;
}

std::vector<Option> options() {
  return training_options(
      with(plan_options(), {{text_option("out", "FOLDER",
                                         "where the runs are, a folder each, and compare.json and "
                                         "compare.md")}}));
}

}  // namespace

Command compare_command() {
  return {"compare",
          "train recipes with several seeds each, and say what differs beyond the seeds",
          options(),
          {"concertina compare --net slimmable-mobilenet-v1 --recipes joint,ipkd-ta \\",
           "    --seeds 3 --epochs 15 --data cifar10:DIR --out runs/methods"},
          &run};
}

}  // namespace concertina::cli
