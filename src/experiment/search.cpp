#include "concertina/experiment/search.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/eval/calibrate.h"

#include "search_evaluator.h"

namespace concertina::experiment {
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

SearchSpace space_of(const LockedRun& run, const SearchRequest& request) {
  const NetSpec& net = run.state.net;
  // Not state.widths: calibrated ones that nothing trained may stand there too.
  return SearchSpace(net, request.exit.value_or(net.exit_count()),
                     run.recipe.widths.empty() ? net.widths : run.recipe.widths,
                     request.step.thousandths());
}

// The test images choose nothing.
Split guide_of(const PreparedData& data, const SearchRequest& request, std::uint64_t seed) {
  const Split& split = request.split == "train" ? data.train : data.validation;
  if (split.size() == 0) {
    throw UsageError(
        "the run has no validation images to guide a search; train with validation images, or let "
        "the training images guide it");
  }
  return request.images ? some_of(split, *request.images, seed) : split;
}

std::string search_text(const SearchRequest& request) {
  const auto line = [](const char* key, const std::string& value) {
    return std::string(key) + " = " + value + "\n";
  };
  const EvolutionSetting& evolution = request.evolution;
  return line("budget", request.budget.text()) +
         line("method", search_method_name(request.method)) + line("step", request.step.text()) +
         line("population", std::to_string(evolution.population)) +
         line("generations", std::to_string(evolution.generations)) +
         line("seed", std::to_string(evolution.seed));
}

EvaluationSetting evaluation_setting(const LockedRun& run, const FlexibleNet& net,
                                     const SearchRequest& request, std::int64_t images) {
  const CalibrationSetting calibration = calibration_setting(run.recipe);
  EvaluationSetting setting;
  setting.split = request.split;
  setting.images = images;
  setting.seed = calibration.seed;
  setting.calibration_images = request.calibration_images.value_or(calibration.images);
  setting.calibration_batch = calibration.batch;
  setting.device = net.device().str();
  setting.engine = engine_name(net.engine());
  setting.run_sha256 = file_sha256(run.file());
  return setting;
}

// False when it was stopped.
bool walk(SearchArchive& archive, const SearchRequest& request) {
  if (request.method != SearchMethod::evolution && !search_greedy(archive, request.budget)) {
    return false;
  }
  return request.method == SearchMethod::greedy ||
         search_evolution(archive, request.budget, request.evolution);
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

void take_front(const SearchArchive& archive, const Budget& budget, SearchResult& result) {
  const std::vector<Measurement>& rows = archive.rows();
  result.choice = choose(rows, budget);
  result.guide = pareto_front(rows, CostAxis::macs);
  result.fitting = static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [&](const Measurement& row) { return fits(row, budget); }));
  // Another limit than MACs may choose what is not on this front.
  const auto chosen = [&](const Measurement& row) { return row.id == result.choice.id; };
  if (std::none_of(result.guide.begin(), result.guide.end(), chosen)) {
    result.guide.push_back(result.choice);
  }
}

// False when it was stopped.
bool measure_front(const LockedRun& run, const PreparedData& data, const SearchRequest& request,
                   const Watch& watch, SearchResult& result) {
  const Split& test = split_of(data, "test");
  result.sweep = begin_sweep(result.sweep_file, sweep_setting(request.latency, "test", test.size(),
                                                              run.file(), request.device));
  std::vector<Subnet> subnets;
  for (const Measurement& row : result.guide) subnets.push_back(row.subnet);
  Scorer scorer(run.state, run.recipe, request.device, false);
  const EvalLoader loader(test, data.statistics, kEvaluationBatch, request.device);
  return Sweeper(run.state, scorer, data, loader, watch)
      .run(subnets, result.sweep, result.sweep_file);
}

}  // namespace

const char* search_method_name(SearchMethod method) {
  switch (method) {
    case SearchMethod::greedy:
      return "greedy";
    case SearchMethod::evolution:
      return "evolution";
    case SearchMethod::both:
      break;
  }
  return "both";
}

void check_searchable(const LockedRun& run, const SearchRequest& request) {
  check_run(run.state, run.recipe);
  check_reachable(space_of(run, request), request.budget);
}

SearchResult search(const LockedRun& run, const PreparedData& data, const SearchRequest& request,
                    const Watch& watch) {
  check_searchable(run, request);
  split_of(data, "test");  // or throws, before anything is evaluated
  const Split guide = guide_of(data, request, run.recipe.seed);
  FlexibleNet net = net_of_run(run.state, run.recipe, request.device);
  SearchResult result;
  result.setting = evaluation_setting(run, net, request, guide.size());
  result.archive = run.folder / "search.h5";
  result.sweep_file = run.folder / sweep_name(false);
  SearchEvaluator evaluator(std::move(net), data, guide, result.setting, search_text(request),
                            result.archive, watch);
  const SearchSpace space = space_of(run, request);  // the archive refers to it
  SearchArchive archive(
      space, {[&](const Subnet& subnet) { return evaluator.evaluate(subnet); },
              [&](const std::string& task, double fraction) { evaluator.show(task, fraction); }});
  result.searched = walk(archive, request);
  result.tried = archive.rows().size();
  if (!result.searched) return result;
  take_front(archive, request.budget, result);
  result.complete = measure_front(run, data, request, watch, result);
  return result;
}

}  // namespace concertina::experiment
