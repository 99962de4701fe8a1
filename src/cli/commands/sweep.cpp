// concertina sweep
#include "concertina/experiment/sweep.h"

#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/log.h"

#include "commands/commands.h"
#include "options/latency_options.h"
#include "options/run_options.h"
#include "output/results.h"
#include "output/watch_line.h"
#include "signals.h"
#include "start.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

void print(const Sweep& sweep, const fs::path& file, const Options& options) {
  if (!options.flag("json")) {
    std::cout << measurement_table(sweep.rows, sweep.setting);
    return;
  }
  print_json({{"run", options.text("RUN")},
              {"file", file.string()},
              {"checkpoint", options.text("checkpoint")},
              {"setting", setting_json(sweep.setting)},
              {"submodels", measurements_json(sweep.rows)}});
}

int run(const Options& options) {
  experiment::SweepRequest request;
  request.device = start(options);
  request.split = options.text("split");
  request.best = options.text("checkpoint") == "best";
  request.latency = latency_request(options);
  if (options.given("widths")) {
    request.widths = for_option("--widths", [&] { return parse_widths(options.text("widths")); });
  }
  experiment::LockedRun run(options.needed("RUN"));
  const PreparedData data = data_of_run(run.state, run.recipe, options);
  split_of(data, request.split);  // or throws, with the option's name
  const SignalGuard guard;
  experiment::SweepResult result;
  {
    WatchLine line(options.flag("quiet"));
    result = experiment::sweep(run, data, request, line.watch());
  }
  if (!result.complete) {
    log_warn("interrupted with " + std::to_string(result.sweep.rows.size()) + " of " +
             std::to_string(result.wanted) + " rows kept; the same command continues");
    return 128 + SignalGuard::received();
  }
  print(result.sweep, result.file, options);
  return 0;
}

}  // namespace

Command sweep_command() {
  return {"sweep",
          "measure every sub-model of a run: accuracy, cost, latency",
          with({positional("RUN", "the run folder; RUN/sweep.h5 is written"), split_option(),
                checkpoint_option(),
                text_option("widths", "W,W,...",
                            "these widths, such as 0.3,0.5 or 0.25:1:0.025 (from:to:step); others "
                            "than the run's are calibrated, where norms are shared (net.norm)"),
                data_option()},
               {latency_options(), machine_options(), output_options()}),
          {"concertina sweep runs/mb1 --batch 1 --threads 1",
           "concertina sweep runs/us1 --widths 0.25:1:0.025"},
          &run};
}

}  // namespace concertina::cli
