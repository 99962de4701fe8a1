// concertina sweep
#include <algorithm>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/store/sweep_file.h"

#include "commands.h"
#include "results.h"
#include "runs.h"
#include "scoring.h"
#include "signals.h"
#include "start.h"
#include "sweep_name.h"
#include "sweeper.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The rows of these sub-models that a sweep of the same kind left, or none. When all are there they
// are measured anew: why else was it asked for.
Sweep begin(const fs::path& file, const SweepSetting& setting, const std::vector<Subnet>& subnets) {
  const std::optional<Sweep> old = earlier_sweep(file);
  const bool part =
      old && same_setting(old->setting, setting) && old->rows.size() < subnets.size() &&
      std::all_of(old->rows.begin(), old->rows.end(),
                  [&](const Measurement& row) { return contains(subnets, row.subnet); });
  if (!part) return {setting, {}};
  log_info("continuing a sweep that has " + std::to_string(old->rows.size()) + " of " +
           std::to_string(subnets.size()) + " rows");
  return *old;
}

[[noreturn]] void refuse_without_an_epoch() {
  throw UsageError("the run has no sub-model to measure: it has not finished its first epoch");
}

// What can be measured: trained or calibrated widths, and with `best` those that have a checkpoint.
std::vector<Subnet> measurable(const RunState& state, bool best) {
  std::vector<Subnet> subnets;
  for (const SubnetState& submodel : state.submodels) {
    if (is_measurable(state, submodel, best)) {
      subnets.push_back(submodel.subnet);
    } else {
      log_warn("sub-model " + subnet_id(state.net, submodel.subnet) + " is left out: it has no " +
               (best ? "best checkpoint" : "norm statistics"));
    }
  }
  if (subnets.empty()) refuse_without_an_epoch();
  return subnets;
}

// The first that gives the same network as `width`, or `width` itself.
Width first_same(const NetSpec& net, const std::vector<Width>& known, Width width) {
  if (contains(known, width)) return width;
  const auto same = std::find_if(known.begin(), known.end(),
                                 [&](Width other) { return same_network(net, other, width); });
  return same == known.end() ? width : *same;
}

// Of --widths: each tuple of channels once, as a width of the run where one has it.
std::vector<Width> different_widths(const RunState& state, const std::vector<Width>& asked) {
  std::vector<Width> widths;
  for (const Width width : asked) {
    std::vector<Width> known = state.widths;
    known.insert(known.end(), widths.begin(), widths.end());
    const Width measured = first_same(state.net, known, width);
    if (measured != width) {
      log_info(width.label() + " has the channels of " + measured.label() +
               ": both are one sub-model");
    }
    if (!contains(widths, measured)) widths.push_back(measured);
  }
  std::sort(widths.begin(), widths.end());
  return widths;
}

std::vector<Width> parse_option(const std::string& text) {
  try {
    return parse_widths(text);
  } catch (const UsageError& error) {
    throw UsageError(std::string("--widths: ") + error.what());
  }
}

[[noreturn]] void refuse_width(Width width, const std::string& why) {
  throw UsageError("--widths: " + width.text() + " " + why);
}

// The sub-models of --widths; those of widths that the run does not have are calibrated.
std::vector<Subnet> asked_for(const RunState& state, const Recipe& recipe, const Options& options) {
  if (state.progress.epoch == 0) refuse_without_an_epoch();
  const std::vector<Width> widths = different_widths(state, parse_option(options.text("widths")));
  const std::vector<Subnet> subnets = all_subnets(state.net, widths);
  for (const Width width : widths) {
    if (is_calibrated(state, width) || recipe.norm != NormMode::switchable) continue;
    refuse_width(width,
                 "was not trained, and the run has switchable norms, which cannot be calibrated "
                 "(recipe key net.norm)");
  }
  if (options.text("checkpoint") != "best") return subnets;
  for (const Subnet& subnet : subnets) {
    const auto has_best = [&](const SubnetState& one) {
      return one.subnet == subnet && is_measurable(state, one, true);
    };
    if (std::any_of(state.submodels.begin(), state.submodels.end(), has_best)) continue;
    refuse_width(subnet.width,
                 "has no best checkpoint; expected widths of the run, or --checkpoint last");
  }
  return subnets;
}

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
  const at::Device device = start(options);
  LockedRun run(options.needed("RUN"));
  RunState& state = run.state;
  const bool best = options.text("checkpoint") == "best";
  const std::vector<Subnet> subnets =
      options.given("widths") ? asked_for(state, run.recipe, options) : measurable(state, best);
  const PreparedData data = data_of_run(state, run.recipe, options);
  const std::string& split_name = options.text("split");
  const Split& split = split_of(data, split_name);
  const fs::path file = run.folder / sweep_name(best);
  const SignalGuard guard;
  Sweep sweep =
      begin(file, sweep_setting(options, split_name, split.size(), run.file(), device), subnets);
  Scorer scorer(state, run.recipe, device, best);
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, device);
  if (!Sweeper(state, scorer, data, loader, options.flag("quiet")).run(subnets, sweep, file)) {
    log_warn("interrupted with " + std::to_string(sweep.rows.size()) + " of " +
             std::to_string(subnets.size()) + " rows kept; the same command continues");
    return 128 + SignalGuard::received();
  }
  print(sweep, file, options);
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
