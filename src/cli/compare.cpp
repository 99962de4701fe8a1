// concertina compare: the same trainings with several recipes and seeds, side by side.
#include <iostream>
#include <utility>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/nets/catalog.h"

#include "commands.h"
#include "comparison.h"
#include "comparison_results.h"
#include "fresh_run.h"
#include "runs.h"
#include "signals.h"
#include "start.h"
#include "training.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

bool holds_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / "run.h5", ignored);
}

void refuse_run_as_folder(const fs::path& folder) {
  if (!holds_run(folder)) return;
  throw UsageError("folder \"" + folder.string() +
                   "\" is a run; expected a folder that holds a run for each recipe and seed");
}

class Comparer {
 public:
  // Finds every fault that can be found before the first step.
  Comparer(const Options& options, at::Device device)
      : options_(options),
        device_(device),
        folder_(options.needed("out")),
        plan_(planned_runs(options)),
        argument_(absolute_data(options.needed("data"))) {
    refuse_run_as_folder(folder_);
    make_net(options.needed("net"), {}, options.list("net-option"));
    images_ = read_images(options);
    const PreparedData data = prepare(plan_.front().recipe);
    net_ = build_net(options, data);
    comparison_.net = options.text("net");
    comparison_.data = options.text("data");
    comparison_.limit = options.integer("limit");
    for (const PlannedRun& run : plan_) comparison_.runs.push_back(look_at(run));
    steps_left_ = max_steps(options_);
  }

  int run() {
    create_folder(folder_);
    const FolderLock lock(folder_);
    const SignalGuard guard;
    for (std::size_t k = 0; k < plan_.size(); ++k) {
      const bool finished = comparison_.runs[k].status == RunStatus::finished;
      if (!finished && !train_run(k)) return 128 + SignalGuard::received();
      write_comparison(comparison_, folder_);
    }
    print();
    refuse_divergence();
    return 0;
  }

 private:
  PreparedData prepare(const Recipe& recipe) const {
    return prepare_data(images_, argument_, options_.integer("limit"), recipe);
  }

  // Checks that the net can be trained so, and that what stands there was; reads what is finished.
  ComparedRun look_at(const PlannedRun& plan) const {
    ComparedRun run = compared_run(plan);
    const RunState made = first_state(net_, plan.recipe, prepare(plan.recipe), device_, options_);
    const fs::path folder = folder_ / plan.name;
    if (!holds_run(folder)) return run;
    const RunState there = read_run_summary(folder / "run.h5");
    refuse_other_settings(made, there, folder);
    if (there.progress.finished) read_figures(there, folder, run);
    return run;
  }

  // At its start, or where it was left.
  RunState open_run(std::size_t place, const fs::path& folder, const PreparedData& data) const {
    const Recipe& recipe = plan_[place].recipe;
    const bool there = holds_run(folder);
    RunState state =
        there ? read_run(folder / "run.h5") : first_state(net_, recipe, data, device_, options_);
    state.data.argument = argument_;  // where they are now
    log_info(which(place) + ": " + plan_[place].name + (there ? ", continued" : ""));
    if (there) warn_of_changes(state, device_);
    const bool first_seed = recipe.seed == plan_.front().recipe.seed;
    if (!there && first_seed) log_plan(net_, recipe);
    return state;
  }

  // Trains it to its end, or until it diverges. False when a signal came first; throws StoppedError
  // when the step limit did.
  bool train_run(std::size_t place) {
    const fs::path folder = folder_ / plan_[place].name;
    create_folder(folder);
    const FolderLock lock(folder);
    const PreparedData data = prepare(plan_[place].recipe);
    RunState state = open_run(place, folder, data);
    TrainSetting setting = train_setting(state, folder, device_, options_);
    setting.max_steps = steps_left_;
    const std::int64_t before = state.progress.step;
    try {
      const TrainEnd end = train_with_bar(state, data, setting, options_, which(place) + " ");
      if (steps_left_ > 0) steps_left_ -= state.progress.step - before;
      if (end != TrainEnd::finished) return leave(end, place, state);
      read_figures(state, folder, comparison_.runs[place]);
    } catch (const DivergedError& error) {
      note_divergence(place, error.what());
    }
    return true;
  }

  // Gives false.
  bool leave(TrainEnd end, std::size_t place, const RunState& state) const {
    const std::string where = which(place) + ", " + plan_[place].name + ", " + where_saved(state) +
                              "; the same command continues";
    if (end == TrainEnd::step_limit) throw StoppedError("step limit met in " + where);
    log_warn("interrupted in " + where);
    return false;
  }

  // "run 2/6"
  std::string which(std::size_t place) const {
    return "run " + std::to_string(place + 1) + "/" + std::to_string(plan_.size());
  }

  // Every message of a DivergedError begins with "diverged".
  void note_divergence(std::size_t place, const std::string& what) {
    comparison_.runs[place].status = RunStatus::diverged;
    const std::string why = (folder_ / plan_[place].name).string() + ": " + what;
    log_warn("left out " + why);
    if (diverged_++ == 0) first_divergence_ = why;
  }

  void print() const {
    if (options_.flag("json")) {
      print_json(comparison_json(comparison_));
    } else {
      std::cout << comparison_text(comparison_);
    }
  }

  void refuse_divergence() const {
    if (diverged_ == 0) return;
    throw DivergedError("left out " + std::to_string(diverged_) + " of " +
                        std::to_string(plan_.size()) + " runs, the first " + first_divergence_);
  }

  const Options& options_;
  at::Device device_;
  fs::path folder_;
  std::vector<PlannedRun> plan_;
  std::string argument_;  // of the data
  Dataset images_;
  NetSpec net_;
  Comparison comparison_;
  std::int64_t steps_left_ = -1;  // of --max-steps
  int diverged_ = 0;
  std::string first_divergence_;
};

int run(const Options& options) { return Comparer(options, start(options)).run(); }

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
