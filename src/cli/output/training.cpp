#include "output/training.h"

#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/experiment/run_folder.h"

#include "output/progress.h"
#include "output/results.h"
#include "output/table.h"
#include "signals.h"

namespace concertina::cli {

// The bar of the steps, and a line of the log for every epoch.
class TrainingBar::Display {
 public:
  Display(bool quiet, std::string run) : line_(quiet), run_(std::move(run)) {}

  void step(const StepProgress& view) {
    const double done = static_cast<double>((view.epoch - 1) * view.steps + view.step);
    const double all = static_cast<double>(view.epochs * view.steps);
    if (!whole_) whole_.emplace(done);
    if (view.epoch != epoch_) {
      epoch_ = view.epoch;
      rate_ = Rate(done);
    }
    const double images = rate_.per_second(done) * static_cast<double>(view.batch);
    ProgressState shown;
    shown.task = run_ + "epoch " + std::to_string(view.epoch) + "/" + std::to_string(view.epochs);
    shown.share = static_cast<double>(view.step) / static_cast<double>(view.steps);
    if (images > 0) shown.rate = format_fixed(images, 0) + " images/s";
    shown.seconds_left = whole_->seconds_left(done, all);
    for (const auto& [id, loss] : view.losses) {
      shown.details += (shown.details.empty() ? "loss " : " ") + id + " " + format_fixed(loss, 3);
      shown.brief += (shown.brief.empty() ? "loss " : " ") + format_fixed(loss, 2);
    }
    line_.show(shown);
  }

  void epoch(const EpochProgress& view) {
    line_.clear();
    std::string text = "epoch " + std::to_string(view.epoch) + "/" + std::to_string(view.epochs) +
                       ", " + format_fixed(view.seconds, 1) + " s";
    if (!view.evaluations.empty()) text += ", " + view.split + " accuracy";
    for (const Evaluation& row : view.evaluations) {
      text += " " + row.id + " " + accuracy_cell(row.accuracy);
    }
    log_info(text + (view.is_best ? ", the best so far" : ""));
  }

  void clear() { line_.clear(); }

 private:
  ProgressLine line_;
  std::string run_;
  std::int64_t epoch_ = 0;
  Rate rate_;                  // of this epoch
  std::optional<Rate> whole_;  // of this call, evaluations included
};

namespace {

void print_training_json(const RunState& state, const std::filesystem::path& folder) {
  const Progress& progress = state.progress;
  Json json = {{"run", folder.string()},
               {"finished", progress.finished},
               {"epoch", progress.epoch},
               {"best_epoch", progress.best_epoch},
               {"submodels", Json::array()}};
  for (const SubnetState& submodel : state.submodels) {
    Json row = subnet_json(state.net, submodel.subnet);
    const std::string id = row["id"];
    row["validation"] = evaluation_json(experiment::newest_evaluation(state, id, "validation"));
    row["test"] = evaluation_json(experiment::newest_evaluation(state, id, "test"));
    put_cost(row, subnet_cost(state.net, submodel.subnet).anytime);
    json["submodels"].push_back(std::move(row));
  }
  print_json(json);
}

void print_training_table(const RunState& state) {
  TextTable table(
      {"sub-model", ">validation", ">best (epoch)", ">test", ">test loss", ">MACs", ">params"});
  for (const SubnetState& submodel : state.submodels) {
    const std::string id = subnet_id(state.net, submodel.subnet);
    const auto validation = experiment::newest_evaluation(state, id, "validation");
    const auto test = experiment::newest_evaluation(state, id, "test");
    const Cost cost = subnet_cost(state.net, submodel.subnet).anytime;
    const std::string best = submodel.best ? accuracy_cell(submodel.best->accuracy) + " (" +
                                                 std::to_string(submodel.best->epoch) + ")"
                                           : "-";
    table.add({id, validation ? accuracy_cell(validation->accuracy) : "-", best,
               test ? accuracy_cell(test->accuracy) : "-", test ? loss_cell(test->loss) : "-",
               count_cell(cost.macs), count_cell(cost.params)});
  }
  std::cout << table.text();
}

}  // namespace

void print_training(const RunState& state, const std::filesystem::path& folder, bool json) {
  if (json) {
    print_training_json(state, folder);
  } else {
    print_training_table(state);
  }
}

std::string where_saved(const RunState& state) {
  return "after epoch " + std::to_string(state.progress.epoch) + ", step " +
         std::to_string(state.progress.step_in_epoch) + "; the state is saved";
}

TrainingBar::TrainingBar(bool quiet, std::string run)
    : display_(std::make_shared<Display>(quiet, std::move(run))) {}

TrainWatcher TrainingBar::watcher() const {
  const auto display = display_;
  return {[display](const StepProgress& view) { display->step(view); },
          [display](const EpochProgress& view) { display->epoch(view); },
          [] { return SignalGuard::received() != 0; }};
}

int report_training(const RunState& state, TrainEnd end, const std::filesystem::path& folder,
                    const Options& options) {
  const std::string where =
      where_saved(state) + "; continue with `concertina resume " + folder.string() + "`";
  if (end == TrainEnd::step_limit) throw StoppedError("step limit met " + where);
  if (end == TrainEnd::interrupted) {
    log_warn("interrupted " + where);
    return 128 + SignalGuard::received();
  }
  print_training(state, folder, options.flag("json"));
  return 0;
}

}  // namespace concertina::cli
