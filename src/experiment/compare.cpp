#include "concertina/experiment/compare.h"

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/experiment/run_folder.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

void refuse_run_as_folder(const fs::path& folder) {
  if (!holds_run(folder)) return;
  throw UsageError("folder \"" + folder.string() +
                   "\" is a run; expected a folder that holds a run for each recipe and seed");
}

class Comparer {
 public:
  // Finds every fault that can be found before the first step.
  Comparer(const NewRun& setting, const std::vector<PlannedRun>& plan, const fs::path& folder,
           const CompareWatch& watch, std::int64_t max_steps)
      : setting_(setting),
        plan_(plan),
        folder_(folder),
        watch_(watch),
        argument_(absolute_data(setting.data)),
        steps_left_(max_steps) {
    refuse_run_as_folder(folder_);
    check_net(setting_);
    images_ = read_images(setting_);
    net_ = build_net(setting_, prepare(plan_.front().recipe));
    Comparison& comparison = result_.comparison;
    comparison.net = setting_.net;
    comparison.data = setting_.data;
    comparison.limit = setting_.limit;
    for (const PlannedRun& run : plan_) comparison.runs.push_back(look_at(run));
  }

  CompareResult run() {
    create_folder(folder_);
    const FolderLock lock(folder_);
    for (std::size_t k = 0; k < plan_.size(); ++k) {
      const bool finished = result_.comparison.runs[k].status == RunStatus::finished;
      if (!finished && !train_run(k)) break;
      if (watch_.on_run) watch_.on_run(result_.comparison);
    }
    return std::move(result_);
  }

 private:
  PreparedData prepare(const Recipe& recipe) const {
    return prepare_data(images_, argument_, setting_.limit, recipe);
  }

  // Checks that the net can be trained so, and that the run there is of the same settings; reads
  // what is finished.
  ComparedRun look_at(const PlannedRun& plan) const {
    ComparedRun run = compared_run(plan);
    const RunState made = first_state(setting_, net_, plan.recipe, prepare(plan.recipe));
    const fs::path folder = folder_ / plan.name;
    if (!holds_run(folder)) return run;
    const RunState there = read_run_summary(folder / "run.h5");
    refuse_other_settings(made, there, folder);
    if (there.progress.finished) read_figures(there, folder, run);
    return run;
  }

  // The run at its start, or where it was left.
  RunState open_run(std::size_t index, const fs::path& folder, const PreparedData& data) const {
    const Recipe& recipe = plan_[index].recipe;
    const bool there = holds_run(folder);
    RunState state =
        there ? read_run(folder / "run.h5") : first_state(setting_, net_, recipe, data);
    state.data.argument = argument_;  // where they are now
    log_info(which(index) + ": " + plan_[index].name + (there ? ", continued" : ""));
    if (there) warn_of_changes(state, setting_.device);
    const bool first_seed = recipe.seed == plan_.front().recipe.seed;
    if (!there && first_seed) log_plan(net_, recipe);
    return state;
  }

  // Trains it to its end, or until it diverges. False when it was stopped first.
  bool train_run(std::size_t index) {
    const fs::path folder = folder_ / plan_[index].name;
    create_folder(folder);
    const FolderLock lock(folder);
    const PreparedData data = prepare(plan_[index].recipe);
    RunState state = open_run(index, folder, data);
    const TrainSetting setting = train_setting(state, folder, setting_.device, steps_left_);
    const TrainWatcher watcher = watch_.training ? watch_.training(which(index)) : TrainWatcher();
    const std::int64_t before = state.progress.step;
    try {
      result_.end = train(state, data, setting, watcher);
      if (steps_left_ > 0) steps_left_ -= state.progress.step - before;
      if (result_.end != TrainEnd::finished) {
        note_stop(index, state);
        return false;
      }
      read_figures(state, folder, result_.comparison.runs[index]);
    } catch (const DivergedError& error) {
      note_divergence(index, error.what());
    }
    return true;
  }

  void note_stop(std::size_t index, const RunState& state) {
    result_.where = which(index) + ", " + plan_[index].name + ", after epoch " +
                    std::to_string(state.progress.epoch) + ", step " +
                    std::to_string(state.progress.step_in_epoch);
  }

  // "run 2/6"
  std::string which(std::size_t index) const {
    return "run " + std::to_string(index + 1) + "/" + std::to_string(plan_.size());
  }

  // Every message of a DivergedError begins with "diverged".
  void note_divergence(std::size_t index, const std::string& what) {
    result_.comparison.runs[index].status = RunStatus::diverged;
    const std::string why = (folder_ / plan_[index].name).string() + ": " + what;
    log_warn("left out " + why);
    if (result_.diverged++ == 0) result_.first_divergence = why;
  }

  const NewRun& setting_;
  const std::vector<PlannedRun>& plan_;
  fs::path folder_;
  const CompareWatch& watch_;
  std::string argument_;  // of the data
  std::int64_t steps_left_;
  Dataset images_;
  NetSpec net_;
  CompareResult result_;
};

}  // namespace

CompareResult compare_recipes(const NewRun& setting, const std::vector<PlannedRun>& plan,
                              const fs::path& folder, const CompareWatch& watch,
                              std::int64_t max_steps) {
  if (plan.empty()) throw UsageError("a comparison needs a recipe and a seed");
  return Comparer(setting, plan, folder, watch, max_steps).run();
}

}  // namespace concertina::experiment
