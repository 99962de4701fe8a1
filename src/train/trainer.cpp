#include "concertina/train/trainer.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/distill/train_step.h"
#include "concertina/eval/calibrate.h"
#include "concertina/feed/loader.h"
#include "concertina/nn/prune.h"
#include "concertina/spec/cost.h"
#include "concertina/train/sgd.h"

#include "history.h"
#include "metrics.h"

namespace concertina {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMetricsEvery = 20;  // steps

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Of the family, by the recipe's policy.
double family_score(const std::vector<Evaluation>& rows, BestPolicy policy) {
  double sum = 0;
  double least = 1;
  for (const Evaluation& row : rows) {
    sum += row.accuracy;
    least = std::min(least, row.accuracy);
  }
  return policy == BestPolicy::worst ? least : sum / static_cast<double>(rows.size());
}

class Trainer {
 public:
  Trainer(RunState& state, const PreparedData& data, const TrainSetting& setting,
          const TrainWatcher& watcher)
      : state_(state),
        data_(data),
        setting_(setting),
        watcher_(watcher),
        recipe_(parse_recipe(state.recipe, "the run's recipe")),
        net_(net_of_run(state, recipe_, setting.device)),
        parts_(recipe_.plan, state.net, first_step(), setting.teachers, setting.device),
        sgd_(trained_parameters(net_, parts_), recipe_),
        loader_(data.train, data.statistics, {recipe_.crop_padding, recipe_.flip}, recipe_.batch,
                recipe_.seed, setting.device, recipe_.pairs),
        sums_(state_.net, recipe_.plan, state_.widths),
        metrics_(setting.folder / "metrics.jsonl", state.progress.step) {
    choose_engine();
    restore(state_, parts_);
    restore_momentum(state_, sgd_);
    for (const SnapshotState& copy : state_.snapshots) use_snapshot(copy);
    if (!state_.progress.partial_sums.empty()) sums_.restore(state_.progress.partial_sums);
  }

  TrainEnd run() {
    Progress& progress = state_.progress;
    remove_torn_files();
    if (progress.step == 0) save();
    while (progress.epoch < recipe_.epochs) {
      if (!run_epoch()) return leave();
      finish_epoch();
    }
    return progress.finished || finish() ? TrainEnd::finished : leave();
  }

 private:
  PlanStep first_step() const { return plan_step(recipe_, state_.widths, state_.net.exit_count()); }

  bool is_stopped() const { return watcher_.stop && watcher_.stop(); }

  TrainEnd leave() {
    save();
    return is_stopped() ? TrainEnd::interrupted : TrainEnd::step_limit;
  }

  // What a killed process left half written.
  void remove_torn_files() const {
    for (const char* name : {"run.h5.part", "best.h5.part", "metrics.jsonl.part"}) {
      std::error_code ignored;
      std::filesystem::remove(setting_.folder / name, ignored);
    }
  }

  // False when it has to leave before the epoch's end.
  bool run_epoch() {
    epoch_start_ = Clock::now();
    Progress& progress = state_.progress;
    while (progress.step_in_epoch < loader_.batches()) {
      if (is_stopped() || steps_here_ == setting_.max_steps) return false;
      step();
    }
    return true;
  }

  void step() {
    Progress& progress = state_.progress;
    const auto start = Clock::now();
    const Batch batch = loader_.get(progress.epoch, progress.step_in_epoch);
    begin_stage();
    learning_rate_ = learning_rate(recipe_, progress.step, loader_.batches());
    const StepInput input = input_of(batch);
    StepReport report;
    double norm = 0;
    for (std::int64_t replay = 0; replay < recipe_.replays; ++replay) {
      sgd_.clear_gradients();
      report = train_step(net_, recipe_.plan, parts_, input);
      norm = sgd_.gradient_norm();
      sgd_.step(learning_rate_, stage() == nullptr || stage()->sparse);
      sums_.add(report, batch.labels.size(0));
    }
    ++progress.step;
    ++progress.step_in_epoch;
    ++steps_here_;
    if (progress.step % kMetricsEvery == 1) {
      const double rate = static_cast<double>(batch.labels.size(0)) / seconds_since(start);
      metrics_.step(progress, learning_rate_, norm, rate, state_.net, recipe_.plan, report);
    }
    if (watcher_.on_step) watcher_.on_step(step_view());
  }

  StepInput input_of(const Batch& batch) {
    replays_.clear();
    StepInput input;
    input.source.images = batch.images;
    input.source.labels = batch.labels;
    input.source.normalization = {data_.statistics.mean, data_.statistics.deviation};
    input.source.replays = &replays_;
    input.source.other = [&](ViewKind kind) {
      const std::int64_t epoch = state_.progress.epoch;
      if (kind == ViewKind::original) {
        const bool same = data_.original.size() == 0;
        return same ? batch.images : loader_.from(data_.original, batch, epoch);
      }
      return loader_.again(batch, epoch, kind == ViewKind::augmented);
    };
    input.place = place();
    return input;
  }

  PlanStep place() const { return place(state_.progress.step); }
  PlanStep place(std::int64_t step) const {
    return plan_step(recipe_, state_.widths, state_.net.exit_count(), step, loader_.batches());
  }

  StagePlace stage_place() const {
    return stage_of(recipe_, state_.progress.step, loader_.batches());
  }
  // Null in a run without stages.
  const PlanStage* stage() const {
    const std::vector<PlanStage>& stages = recipe_.plan.stages;
    return stages.empty() ? nullptr : &stages[static_cast<std::size_t>(stage_place().index)];
  }

  // What is done once in front of a stage's first step. A run that was interrupted there does it
  // when it goes on.
  void begin_stage() {
    if (stage() == nullptr) return;
    if (stage_place().first == state_.progress.step) {
      take_snapshots();
      if (stage()->prune > 0) prune_channels();
      if (state_.progress.step > 0) sgd_.forget_momentum();
      if (stage()->fresh) {
        forget_best();
        copy_state(FlexibleNet(state_.net, state_.widths, net_settings(recipe_),
                               recipe_.seed + static_cast<std::uint64_t>(stage_place().index),
                               setting_.device),
                   net_);
      }
      log_info("stage " + stage_text(*stage()));
    }
    sgd_.train_only(stage()->train);
  }

  // Of the sub-models that learn anew; the others' were made before and stay.
  void forget_best() {
    for (SubnetState& submodel : state_.submodels) {
      if (counts(submodel.subnet, place())) submodel.best.reset();
    }
  }

  // Whether what a sub-model says in this stage is something that it learned: after a fresh start
  // it has to be a student.
  bool counts(const Subnet& subnet, const PlanStep& place) const {
    const std::vector<PlanStage>& stages = recipe_.plan.stages;
    const auto is_fresh = [](const PlanStage& one) { return one.fresh; };
    if (stages.empty() ||
        std::none_of(stages.begin(), stages.begin() + place.stage + 1, is_fresh)) {
      return true;
    }
    const std::vector<LossTerm> terms = recipe_.plan.loss_terms(place);
    return std::any_of(terms.begin(), terms.end(), [&](const LossTerm& term) {
      const std::vector<Subnet> taught = recipe_.plan.subnets_of(term.student, place);
      return std::find(taught.begin(), taught.end(), subnet) != taught.end();
    });
  }

  // Those of this stage, and of stages that had no step.
  void take_snapshots() {
    for (const PlanNode& node : recipe_.plan.nodes) {
      const auto is_taken = [&](const SnapshotState& one) { return one.node == node.name; };
      if (node.kind != NodeKind::snapshot ||
          std::any_of(state_.snapshots.begin(), state_.snapshots.end(), is_taken) ||
          stage_index(node.at) > stage_place().index) {
        continue;
      }
      calibrate_all();
      const Subnet subnet = recipe_.plan.members(node, first_step()).front().subnet;
      const BestState copy = snapshot(net_, subnet);
      state_.snapshots.push_back({node.name, subnet, copy.weights, copy.norm});
      use_snapshot(state_.snapshots.back());
    }
  }

  void choose_engine() {
    const std::string& environment = state_.environment;
    if (!setting_.device.is_cpu()) return;
    net_.set_engine(recorded_engine(environment), recorded_precision(environment));
  }

  // From here on the run is of a smaller net; what was best before is of another one.
  void prune_channels() {
    const bool by_filter = recipe_.proximal == Proximal::filters;
    const std::int64_t before = subnet_cost(state_.net, full()).anytime.params;
    net_ = prune(net_, net_settings(recipe_), stage()->prune,
                 by_filter ? ChannelWorth::filter_length : ChannelWorth::norm_weight);
    choose_engine();
    state_.net = net_.spec();
    sgd_ = Sgd(trained_parameters(net_, parts_), recipe_);
    for (SubnetState& submodel : state_.submodels) submodel.best.reset();
    state_.progress.best_score = -1;
    state_.progress.best_epoch = 0;
    log_info("prune: " + std::to_string(before) + " parameters become " +
             std::to_string(subnet_cost(state_.net, full()).anytime.params));
  }

  Subnet full() const { return {Width(), state_.net.exit_count()}; }

  int stage_index(const std::string& name) const {
    const std::vector<PlanStage>& stages = recipe_.plan.stages;
    const auto is_it = [&](const PlanStage& stage) { return stage.name == name; };
    return static_cast<int>(std::find_if(stages.begin(), stages.end(), is_it) - stages.begin());
  }

  void use_snapshot(const SnapshotState& copy) {
    parts_.set_teacher(
        copy.node, net_teacher(net_of_snapshot(state_, copy, setting_.device), Subnet(), {}, {}));
  }

  StepProgress step_view() const {
    const Progress& progress = state_.progress;
    return {progress.epoch + 1, recipe_.epochs, progress.step_in_epoch, loader_.batches(),
            recipe_.batch,      learning_rate_, sums_.losses()};
  }

  void finish_epoch() {
    Progress& progress = state_.progress;
    ++progress.epoch;
    progress.step_in_epoch = 0;
    EpochProgress view{progress.epoch, recipe_.epochs, 0, "train", {}, false};
    calibrate_all();
    if (data_.validation.size() > 0) {
      view.split = "validation";
      view.evaluations = evaluate_on(data_.validation, view.split);
      append_valid_row(state_.valid_history, progress.epoch, view.evaluations);
      state_.evaluations.insert(state_.evaluations.end(), view.evaluations.begin(),
                                view.evaluations.end());
      keep_best(view);
    }
    append_train_row(state_.train_history, progress.epoch, learning_rate_, sums_);
    view.seconds = seconds_since(epoch_start_);
    metrics_.epoch(progress, view.seconds, sums_.means(), view.evaluations);
    sums_.clear();
    const bool last = progress.epoch == recipe_.epochs;
    if (view.is_best) save_to("best.h5");
    if (!last && progress.epoch % recipe_.checkpoint_every == 0) save();
    if (watcher_.on_epoch) watcher_.on_epoch(view);
  }

  // The widths whose statistics the steps do not keep up.
  void calibrate_all() {
    for (const Width width : state_.widths) {
      if (keeps_statistics(width)) continue;
      calibrate(net_, width, data_.train, data_.statistics, calibration_setting(recipe_));
    }
  }

  // Whether every step of late has moved them. One that is drawn now and then does not.
  bool keeps_statistics(Width width) const {
    if (!moves_statistics(net_.sharing()) || !net_.is_calibrated(width)) return false;
    const bool always = width == state_.widths.front() || width == state_.widths.back();
    if (recipe_.random_widths >= 0 && !always) return false;
    return recipe_.plan.joins(width, place(state_.progress.step - 1));
  }

  std::vector<Evaluation> evaluate_on(const Split& split, const std::string& name,
                                      const EvalProgress& progress = {}) {
    const EvalLoader loader(split, data_.statistics, kEvaluationBatch, setting_.device);
    return as_evaluations(state_.net, evaluate(net_, loader, state_.widths, progress),
                          state_.progress.epoch, name);
  }

  // The better accuracy wins; on equal accuracy the lower loss; then the earlier epoch.
  void keep_best(EpochProgress& view) {
    for (std::size_t k = 0; k < state_.submodels.size(); ++k) {
      SubnetState& submodel = state_.submodels[k];
      if (!counts(submodel.subnet, place(state_.progress.step - 1))) continue;
      const Evaluation& now = view.evaluations[k];
      const bool better =
          !submodel.best || now.accuracy > submodel.best->accuracy ||
          (now.accuracy == submodel.best->accuracy && now.loss < submodel.best->loss);
      if (!better) continue;
      submodel.best = snapshot(net_, submodel.subnet);
      submodel.best->epoch = now.epoch;
      submodel.best->accuracy = now.accuracy;
      submodel.best->loss = now.loss;
    }
    const double score = family_score(view.evaluations, recipe_.best);
    if (score <= state_.progress.best_score) return;
    state_.progress.best_score = score;
    state_.progress.best_epoch = view.epoch;
    view.is_best = true;
  }

  // The test set is only reported, once, at the end. False when the caller stopped it before.
  bool finish() {
    const auto go_on = [&](std::int64_t, std::int64_t) { return !is_stopped(); };
    if (data_.test.size() > 0) {
      const std::vector<Evaluation> rows = evaluate_on(data_.test, "test", go_on);
      if (rows.size() != state_.submodels.size()) return false;
      state_.evaluations.insert(state_.evaluations.end(), rows.begin(), rows.end());
    }
    state_.progress.finished = true;
    save();
    return true;
  }

  void save() { save_to("run.h5"); }

  void save_to(const std::string& name) {
    check_finite(net_.weights(), "the weights");
    for (const Width width : net_.bank_widths()) {
      check_finite(net_.norms(width), "the norms of " + width.label());
    }
    check_finite(parts_.parameters(), "the plan's learned tensors");
    check_finite(sgd_.momentum(), "the momentum");
    state_.progress.partial_sums = sums_.flat();
    capture(net_, parts_, sgd_, state_);
    write_run(setting_.folder / name, state_);
  }

  RunState& state_;
  const PreparedData& data_;
  const TrainSetting& setting_;
  const TrainWatcher& watcher_;
  Recipe recipe_;
  FlexibleNet net_;
  AuxiliaryModules parts_;
  Sgd sgd_;
  TrainLoader loader_;
  EpochSums sums_;
  Metrics metrics_;
  Replays replays_;  // of the batch
  double learning_rate_ = 0;
  std::int64_t steps_here_ = 0;
  Clock::time_point epoch_start_;
};

}  // namespace

TrainEnd train(RunState& state, const PreparedData& data, const TrainSetting& setting,
               const TrainWatcher& watcher) {
  return Trainer(state, data, setting, watcher).run();
}

std::vector<Evaluation> as_evaluations(const NetSpec& net, const std::vector<Score>& scores,
                                       std::int64_t epoch, const std::string& split) {
  std::vector<Evaluation> rows;
  for (const Score& score : scores) {
    const Cost cost = subnet_cost(net, score.subnet).anytime;
    rows.push_back({epoch, subnet_id(net, score.subnet), split, score.loss, score.accuracy,
                    cost.macs, cost.params});
  }
  return rows;
}

}  // namespace concertina
