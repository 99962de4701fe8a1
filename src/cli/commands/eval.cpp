// concertina eval
#include <algorithm>
#include <iostream>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/eval/evaluate.h"
#include "concertina/experiment/scorer.h"

#include "commands/commands.h"
#include "commands/eval_budgeted.h"
#include "options/attack.h"
#include "options/failures.h"
#include "options/run_options.h"
#include "output/progress.h"
#include "output/results.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

[[noreturn]] void refuse_width(const RunState& state, const Recipe& recipe, Width width,
                               const std::string& run) {
  const bool listed =
      std::find(state.widths.begin(), state.widths.end(), width) != state.widths.end();
  if (recipe.norm != NormMode::switchable) {
    throw UsageError("width " + width.text() + " is not calibrated; `concertina calibrate " + run +
                     " --width " + width.text() + "` does it");
  }
  if (listed) {
    throw UsageError("width " + width.text() +
                     " has no statistics yet: the run has not finished its first epoch");
  }
  throw UsageError("width " + width.text() +
                   " does not exist: the run has switchable norms, and "
                   "its widths are " +
                   widths_text(state.widths));
}

std::vector<Subnet> asked_for(const Options& options, const RunState& state) {
  if (options.given("width") && options.given("submodel")) {
    throw UsageError("--width and --submodel exclude each other" + options.see_help());
  }
  if (options.given("submodel")) {
    return {parse_subnet_id(state.net, state.widths, options.text("submodel"))};
  }
  if (!options.given("width")) return all_subnets(state.net, state.widths);
  const Width width = Width::parse(options.text("width"));
  return all_subnets(state.net, {width});
}

void check_widths(const std::vector<Subnet>& subnets, const RunState& state, const Recipe& recipe,
                  const std::string& run) {
  for (const Subnet& subnet : subnets) {
    if (!experiment::is_calibrated(state, subnet.width))
      refuse_width(state, recipe, subnet.width, run);
  }
}

// The figures measured for one sub-model.
struct Measured {
  Score score;
  std::optional<Score> robust;         // --attack
  std::vector<FailureScore> failures;  // --fail
};

void print_table(const RunState& state, const std::vector<Measured>& measured,
                 const Options& options) {
  std::vector<std::string> head{"sub-model", ">accuracy", ">loss"};
  if (measured.front().robust) head.insert(head.end(), {">attacked", ">loss"});
  if (options.given("fail")) {
    head.insert(head.end(), {">" + options.text("fail") + " failed, mean", ">worst", ">best"});
  }
  head.emplace_back(">images");
  TextTable table(head);
  for (const auto& [score, robust, failures] : measured) {
    std::vector<std::string> row{subnet_id(state.net, score.subnet), accuracy_cell(score.accuracy),
                                 loss_cell(score.loss)};
    if (robust) {
      row.insert(row.end(), {accuracy_cell(robust->accuracy), loss_cell(robust->loss)});
    }
    if (!failures.empty()) {
      const experiment::FailureSummary all = experiment::summary_of(failures);
      row.insert(row.end(),
                 {accuracy_cell(all.mean), accuracy_cell(all.worst), accuracy_cell(all.best)});
    }
    row.push_back(std::to_string(score.images));
    table.add(row);
  }
  std::cout << table.text();
}

Json attack_json(const experiment::Attack& attack) {
  return {{"name", attack.name},
          {"epsilon", attack.setting.epsilon},
          {"step", attack.setting.step},
          {"steps", attack.setting.steps},
          {"random_start", attack.setting.random_start}};
}

void print_measured(const RunState& state, const std::vector<Measured>& measured,
                    const std::optional<experiment::Attack>& attack, const Options& options) {
  if (!options.flag("json")) return print_table(state, measured, options);
  Json json = {{"run", options.text("RUN")},
               {"split", options.text("split")},
               {"checkpoint", options.text("checkpoint")},
               {"epoch", state.progress.epoch},
               {"submodels", Json::array()}};
  if (attack) json["attack"] = attack_json(*attack);
  for (const auto& [score, robust, failures] : measured) {
    Json row = subnet_json(state.net, score.subnet);
    row["accuracy"] = score.accuracy;
    row["loss"] = score.loss;
    if (robust) {
      row["robust_accuracy"] = robust->accuracy;
      row["robust_loss"] = robust->loss;
    }
    if (!failures.empty()) row["failures"] = failures_json(failures);
    row["images"] = score.images;
    json["submodels"].push_back(std::move(row));
  }
  print_json(json);
}

Split first_images(const Split& split, const Options& options) {
  const std::int64_t count = options.integer("images");
  if (count == 0 || count >= split.size()) return split;
  return {split.images.slice(0, 0, count), split.labels.slice(0, 0, count)};
}

int run(const Options& options) {
  const at::Device device = start(options);
  RunState state = read_run(experiment::run_file(options.needed("RUN")));
  const Recipe recipe = experiment::recipe_of(state);
  const std::vector<Subnet> subnets = asked_for(options, state);
  const bool best = options.text("checkpoint") == "best";
  const int failures = options.given("fail") ? static_cast<int>(options.integer("fail")) : 0;
  if (failures > 0) check_failures(state.net, failures);
  if (options.flag("budgeted")) return eval_budgeted(state, recipe, device, options);
  if (!best) check_widths(subnets, state, recipe, experiment::folder_of_run(options.text("RUN")));
  const PreparedData data = data_of_run(state, recipe, options);
  experiment::Scorer scorer(state, recipe, device, best);
  const Split split = first_images(split_of(data, options.text("split")), options);
  const std::optional<experiment::Attack> attack =
      chosen_attack(options, data.statistics, recipe.seed);
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, device);
  std::vector<Measured> measured;
  {
    ProgressLine line(options.flag("quiet"));
    const Rate rate;
    for (const Subnet& subnet : subnets) {
      const double before = static_cast<double>(measured.size());
      const auto progress = [&](std::int64_t done, std::int64_t all) {
        const double count = static_cast<double>(subnets.size());
        const double finished = before + static_cast<double>(done) / static_cast<double>(all);
        ProgressState view;
        view.task = "eval " + subnet_id(state.net, subnet);
        view.share = finished / count;
        view.seconds_left = rate.seconds_left(finished, count);
        line.show(view);
        return true;
      };
      Measured& one = measured.emplace_back();
      one.score = *scorer.score(subnet, loader, progress);
      if (attack)
        one.robust = experiment::robust_score(scorer.small_net(subnet), loader, *attack, progress);
      if (failures > 0) {
        FlexibleNet net = scorer.small_net(subnet);
        one.failures = evaluate_failures(net, loader, failures, progress);
      }
    }
  }
  print_measured(state, measured, attack, options);
  return 0;
}

}  // namespace

Command eval_command() {
  return {"eval",
          "accuracy and loss of a run's sub-models",
          with({positional("RUN", "the run folder, or a file such as run.h5 or best.h5"),
                split_option(), checkpoint_option(),
                text_option("width", "W", "only this width, such as 0.5 or 0.5,0.75,1"),
                text_option("submodel", "ID", "only this sub-model, such as w0.500"),
                flag_option("budgeted",
                            "accuracy of early exit by average MACs, thresholds fitted on "
                            "the validation images"),
                integer_option("images", {0, 1000000000}, "only the first N of the split; 0 = all",
                               "0"),
                data_option()},
               {attack_options(), {fail_option()}, machine_options(), output_options()}),
          {"concertina eval runs/mb1 --split test --json"},
          &run};
}

}  // namespace concertina::cli
