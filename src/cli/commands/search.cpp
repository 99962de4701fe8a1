// concertina search
#include "concertina/experiment/search.h"

#include "concertina/core/error.h"
#include "concertina/core/log.h"

#include "commands/commands.h"
#include "options/budget.h"
#include "options/latency_options.h"
#include "options/run_options.h"
#include "output/search_results.h"
#include "output/watch_line.h"
#include "signals.h"
#include "start.h"

namespace concertina::cli {
namespace {

using experiment::SearchMethod;
using experiment::SearchRequest;
using experiment::SearchResult;

Budget needed_budget(const Options& options) {
  Budget budget = cost_budget(options);
  if (budget.empty()) {
    throw UsageError("a search needs a budget, such as --max-macs 20M" + options.see_help());
  }
  return budget;
}

Width step_of(const Options& options) {
  const std::string& text = options.text("step");
  try {
    const Width step = Width::parse(text);
    if (step.is_uniform() && !step.is_quantized()) return step;
  } catch (const UsageError& error) {
    throw UsageError(std::string("--step: ") + error.what());
  }
  throw UsageError("--step: \"" + text + "\" is more than a share; expected one, such as 0.05");
}

SearchMethod method_of(const Options& options) {
  for (const SearchMethod method : {SearchMethod::greedy, SearchMethod::evolution}) {
    if (options.text("method") == experiment::search_method_name(method)) return method;
  }
  return SearchMethod::both;
}

SearchRequest request_of(const Options& options) {
  SearchRequest request;
  request.device = start(options);
  request.budget = needed_budget(options);
  request.method = method_of(options);
  request.evolution.population = static_cast<int>(options.integer("population"));
  request.evolution.generations = static_cast<int>(options.integer("generations"));
  request.evolution.seed = static_cast<std::uint64_t>(options.integer("seed"));
  request.step = step_of(options);
  if (options.given("exit")) request.exit = static_cast<int>(options.integer("exit"));
  request.split = options.text("split");
  if (options.given("images")) request.images = options.integer("images");
  if (options.given("calibration-images")) {
    request.calibration_images = options.integer("calibration-images");
  }
  request.latency = latency_request(options);
  return request;
}

int interrupted(const SearchResult& result) {
  const std::string where = result.searched
                                ? "while the front is measured"
                                : "with " + std::to_string(result.tried) + " sub-models evaluated";
  log_warn("interrupted " + where + "; the same command continues");
  return 128 + SignalGuard::received();
}

int run(const Options& options) {
  const SearchRequest request = request_of(options);
  experiment::LockedRun run(options.needed("RUN"));
  experiment::check_searchable(run, request);  // before the images are read
  const PreparedData data = data_of_run(run.state, run.recipe, options);
  const SignalGuard guard;
  SearchResult result;
  {
    WatchLine line(options.flag("quiet"));
    result = experiment::search(run, data, request, line.watch());
  }
  if (!result.complete) return interrupted(result);
  if (options.flag("json")) {
    print_found_json(result, request);
  } else {
    print_found(result, request.budget);
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
