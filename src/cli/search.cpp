// concertina search
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"

#include "budget.h"
#include "commands.h"
#include "runs.h"
#include "search_results.h"
#include "searching.h"
#include "signals.h"
#include "start.h"
#include "sweep_name.h"
#include "sweeper.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

void check_run(const RunState& state, const Recipe& recipe) {
  if (recipe.norm == NormMode::switchable) {
    throw UsageError(
        "the run has switchable norms, so only its own widths can be measured; a search needs a "
        "run with net.norm = calibrated or shared, such as those of the recipes sandwich and "
        "us-net");
  }
  if (state.progress.epoch == 0) {
    throw UsageError("the run has no sub-model to search: it has not finished its first epoch");
  }
}

Budget needed_budget(const Options& options) {
  Budget budget = cost_budget(options);
  if (budget.empty()) {
    throw UsageError("a search needs a budget, such as --max-macs 20M" + options.see_help());
  }
  return budget;
}

int step_of(const Options& options) {
  const std::string& text = options.text("step");
  try {
    const Width step = Width::parse(text);
    if (step.is_uniform() && !step.is_quantized()) return step.thousandths();
  } catch (const UsageError& error) {
    throw UsageError(std::string("--step: ") + error.what());
  }
  throw UsageError("--step: \"" + text + "\" is more than a share; expected one, such as 0.05");
}

SearchSpace space_of(const RunState& state, const Recipe& recipe, const Options& options) {
  const int exit =
      options.given("exit") ? static_cast<int>(options.integer("exit")) : state.net.exit_count();
  // Not state.widths: calibrated ones that nothing trained may stand there too.
  return SearchSpace(state.net, exit, recipe.widths.empty() ? state.net.widths : recipe.widths,
                     step_of(options));
}

// The test images choose nothing.
Split guide_of(const PreparedData& data, const Options& options, std::uint64_t seed) {
  const Split& split = options.text("split") == "train" ? data.train : data.validation;
  if (split.size() == 0) {
    throw UsageError(
        "the run has no validation images to guide a search; train with --validation N, or let the "
        "training images guide it (--split train)");
  }
  return options.given("images") ? some_of(split, options.integer("images"), seed) : split;
}

std::string search_text(const Options& options, const Budget& budget) {
  std::string text = "budget = " + budget.text() + "\n";
  for (const char* name : {"method", "step", "population", "generations", "seed"}) {
    text += std::string(name) + " = " + options.text(name) + "\n";
  }
  return text;
}

EvaluationSetting evaluation_setting(const LockedRun& run, const FlexibleNet& net,
                                     const Options& options, std::int64_t images) {
  const CalibrationSetting calibration = calibration_setting(run.recipe);
  EvaluationSetting setting;
  setting.split = options.text("split");
  setting.images = images;
  setting.seed = calibration.seed;
  setting.calibration_images = options.given("calibration-images")
                                   ? options.integer("calibration-images")
                                   : calibration.images;
  setting.calibration_batch = calibration.batch;
  setting.device = net.device().str();
  setting.engine = engine_name(net.engine());
  setting.run_sha256 = file_sha256(run.file());
  return setting;
}

// False when a signal came.
bool walk(SearchArchive& archive, const Budget& budget, const Options& options) {
  const std::string& method = options.text("method");
  EvolutionSetting evolution;
  evolution.population = static_cast<int>(options.integer("population"));
  evolution.generations = static_cast<int>(options.integer("generations"));
  evolution.seed = static_cast<std::uint64_t>(options.integer("seed"));
  if (method != "evolution" && !search_greedy(archive, budget)) return false;
  return method == "greedy" || search_evolution(archive, budget, evolution);
}

// The rows that stand in sweep.h5, where they were measured in the same way.
Sweep begin_sweep(const fs::path& file, const SweepSetting& setting) {
  const std::optional<Sweep> old = earlier_sweep(file);
  if (old && same_setting(old->setting, setting)) return *old;
  if (old) {
    log_warn(file.string() +
             " was measured in another way (run.h5, batch, threads or split); it is replaced");
  }
  return {setting, {}};
}

Found found_by(const SearchArchive& archive, const Budget& budget) {
  const std::vector<Measurement>& rows = archive.rows();
  Found found{budget, rows.size(), 0, choose(rows, budget), pareto_front(rows, CostAxis::macs), {}};
  found.fitting = static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [&](const Measurement& row) { return fits(row, budget); }));
  // Another limit than MACs may choose what is not on this front.
  const auto chosen = [&](const Measurement& row) { return row.id == found.choice.id; };
  if (std::none_of(found.guide.begin(), found.guide.end(), chosen)) {
    found.guide.push_back(found.choice);
  }
  return found;
}

int interrupted(const std::string& what) {
  log_warn("interrupted " + what + "; the same command continues");
  return 128 + SignalGuard::received();
}

int run(const Options& options) {
  const at::Device device = start(options);
  const Budget budget = needed_budget(options);
  LockedRun run(options.needed("RUN"));
  check_run(run.state, run.recipe);
  const SearchSpace space = space_of(run.state, run.recipe, options);
  check_reachable(space, budget);
  const PreparedData data = data_of_run(run.state, run.recipe, options);
  const Split& test = split_of(data, "test");
  const Split guide = guide_of(data, options, run.recipe.seed);
  FlexibleNet net = net_of_run(run.state, run.recipe, device);
  const EvaluationSetting setting = evaluation_setting(run, net, options, guide.size());
  const fs::path record = run.folder / "search.h5", file = run.folder / sweep_name(false);
  const SignalGuard guard;
  Judge judge(std::move(net), data, guide, setting, search_text(options, budget), record,
              options.flag("quiet"));
  SearchArchive archive(space,
                        {[&](const Subnet& subnet) { return judge.evaluate(subnet); },
                         [&](const std::string& task, double share) { judge.show(task, share); }});
  const bool complete = walk(archive, budget, options);
  judge.clear();
  if (!complete) {
    return interrupted("with " + std::to_string(archive.rows().size()) + " sub-models evaluated");
  }
  Found found = found_by(archive, budget);
  found.sweep = begin_sweep(file, sweep_setting(options, "test", test.size(), run.file(), device));
  std::vector<Subnet> subnets;
  for (const Measurement& row : found.guide) subnets.push_back(row.subnet);
  Scorer scorer(run.state, run.recipe, device, false);
  const EvalLoader loader(test, data.statistics, kEvaluationBatch, device);
  if (!Sweeper(run.state, scorer, data, loader, options.flag("quiet"))
           .run(subnets, found.sweep, file)) {
    return interrupted("while the front is measured");
  }
  if (options.flag("json")) {
    print_found_json(found, setting, options, record, file);
  } else {
    print_found(found, setting);
  }
  return 0;
}

}  // namespace

Command search_command() {
  return {"search",
          "widths with a share a stage that fit a budget, of runs with shared norms",
          with({positional("RUN",
                           "the run folder; RUN/search.h5 keeps what was evaluated, and the Pareto "
                           "front joins RUN/sweep.h5")},
               {cost_options(),
                {choice_option("method", {"greedy", "evolution", "both"},
                               "slim the widest step by step, breed, or breed from what slimming "
                               "found",
                               "both"),
                 integer_option("seed", {0, 1000000000}, "of the evolution", "1"),
                 integer_option("population", {2, 10000}, "new sub-models a generation", "24"),
                 integer_option("generations", {0, 100000}, "after the first", "8"),
                 text_option("step", "W", "between the shares tried", "0.05"),
                 integer_option("exit", {1, 1000}, "which exit's accuracy; without it, the last's"),
                 choice_option("split", {"validation", "train"}, "which images guide the search",
                               "validation"),
                 integer_option("images", {1, 100000000}, "how many of them; without it, all"),
                 integer_option("calibration-images", {2, 100000000},
                                "training images for a sub-model's norm statistics; without it, "
                                "distill.calibration-images"),
                 data_option()},
                latency_options(),
                machine_options(),
                output_options()}),
          {"concertina search runs/us1 --max-macs 20M"},
          &run};
}

}  // namespace concertina::cli
