// concertina sweep
#include <algorithm>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/eval/latency.h"
#include "concertina/kernels/team.h"
#include "concertina/store/sweep_file.h"
#include "concertina/train/signals.h"

#include "commands.h"
#include "progress.h"
#include "results.h"
#include "runs.h"
#include "scoring.h"
#include "start.h"
#include "sweep_name.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kWarmUp = 5;

bool same(const SweepSetting& a, const SweepSetting& b) {
  return a.split == b.split && a.images == b.images && a.batch == b.batch &&
         a.threads == b.threads && a.repetitions == b.repetitions && a.warm_up == b.warm_up &&
         a.device == b.device && a.processor == b.processor && a.run_sha256 == b.run_sha256;
}

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The rows of these sub-models that a sweep of the same kind left, or none. When all are there they
// are measured anew: why else was it asked for.
Sweep begin(const fs::path& file, const SweepSetting& setting, const std::vector<Subnet>& subnets) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    try {
      const Sweep old = read_sweep(file);
      const bool part = old.rows.size() < subnets.size() &&
                        std::all_of(old.rows.begin(), old.rows.end(), [&](const Measurement& row) {
                          return contains(subnets, row.subnet);
                        });
      if (part && same(old.setting, setting)) {
        log_info("continuing a sweep that has " + std::to_string(old.rows.size()) + " of " +
                 std::to_string(subnets.size()) + " rows");
        return old;
      }
    } catch (const DataError& error) {
      log_warn(std::string(error.what()) + "; the sweep begins anew");
    }
  }
  return {setting, {}};
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
Width same_network(const NetSpec& net, const std::vector<Width>& known, Width width) {
  if (contains(known, width)) return width;
  const auto same = std::find_if(known.begin(), known.end(),
                                 [&](Width other) { return same_channels(net, other, width); });
  return same == known.end() ? width : *same;
}

// Of --widths: each tuple of channels once, as a width of the run where one has it.
std::vector<Width> different_widths(const RunState& state, const std::vector<Width>& asked) {
  std::vector<Width> widths;
  for (const Width width : asked) {
    std::vector<Width> known = state.widths;
    known.insert(known.end(), widths.begin(), widths.end());
    const Width measured = same_network(state.net, known, width);
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
    if (is_calibrated(state, width) || recipe.norm == NormMode::calibrated) continue;
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

class Sweeper {
 public:
  Sweeper(const RunState& state, Scorer& scorer, const PreparedData& data, const EvalLoader& loader,
          bool quiet)
      : state_(state), scorer_(scorer), data_(data), loader_(loader), line_(quiet) {}

  // False when it was interrupted; the rows measured so far are in the file.
  bool run(const std::vector<Subnet>& subnets, Sweep& sweep, const fs::path& file) {
    all_ = static_cast<double>(subnets.size());
    finished_ = static_cast<double>(sweep.rows.size());
    rate_ = Rate(finished_);
    for (const Subnet& subnet : subnets) {
      const std::string id = subnet_id(state_.net, subnet);
      const auto done = [&](const Measurement& row) { return row.id == id; };
      if (std::any_of(sweep.rows.begin(), sweep.rows.end(), done)) continue;
      if (SignalGuard::received() != 0) return false;
      if (!scorer_.can_score(subnet.width)) calibrate(subnet.width);
      const std::optional<Score> score = measure_score(subnet, id);
      if (!score) return false;
      sweep.rows.push_back(measure(subnet, id, *score, sweep.setting));
      std::sort(sweep.rows.begin(), sweep.rows.end(),
                [](const Measurement& a, const Measurement& b) { return a.subnet < b.subnet; });
      write_sweep(file, sweep);
      finished_ += 1;
    }
    return true;
  }

 private:
  void calibrate(Width width) {
    show("calibrate " + width.label(), finished_);
    scorer_.calibrate(width, data_);
  }

  void show(const std::string& task, double now) {
    ProgressView view;
    view.task = task;
    view.share = now / all_;
    view.seconds_left = rate_.seconds_left(now, all_);
    line_.show(view);
  }

  std::optional<Score> measure_score(const Subnet& subnet, const std::string& id) {
    return scorer_.score(subnet, loader_, [&](std::int64_t done, std::int64_t all) {
      show("sweep " + id, finished_ + static_cast<double>(done) / static_cast<double>(all));
      return SignalGuard::received() == 0;
    });
  }

  Measurement measure(const Subnet& subnet, const std::string& id, const Score& score,
                      const SweepSetting& setting) const {
    FlexibleNet net = scorer_.small_net(subnet);
    LatencySetting timing;
    timing.batch = setting.batch;
    timing.repetitions = setting.repetitions;
    timing.warm_up = setting.warm_up;
    const Latency latency = measure_latency(net, timing);
    Measurement row;
    row.id = id;
    row.subnet = subnet;
    row.cost = subnet_cost(state_.net, subnet).anytime;
    row.accuracy = score.accuracy;
    row.loss = score.loss;
    row.latency_median = latency.median;
    row.latency_p95 = latency.p95;
    return row;
  }

  const RunState& state_;
  Scorer& scorer_;
  const PreparedData& data_;
  const EvalLoader& loader_;
  ProgressLine line_;
  Rate rate_;
  double all_ = 0;
  double finished_ = 0;
};

SweepSetting setting_of(const Options& options, const fs::path& run, std::int64_t images,
                        at::Device device) {
  SweepSetting setting;
  setting.split = options.text("split");
  setting.images = images;
  setting.batch = static_cast<int>(options.integer("batch"));
  setting.threads = kernels::thread_count();
  setting.repetitions = static_cast<int>(options.integer("repetitions"));
  setting.warm_up = kWarmUp;
  setting.device = device.str();
  setting.processor = processor_name();
  setting.run_sha256 = file_sha256(run);
  return setting;
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
  const Split& split = split_of(data, options.text("split"));
  const fs::path file = run.folder / sweep_name(best);
  const SignalGuard guard;
  Sweep sweep = begin(file, setting_of(options, run.file(), split.size(), device), subnets);
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
                            "than the run's are calibrated, where net.norm = calibrated"),
                integer_option("batch", {1, 65536}, "images a forward, for the latency", "1"),
                integer_option("repetitions", {1, 100000}, "timed forwards, for the latency", "30"),
                data_option()},
               {machine_options(), output_options()}),
          {"concertina sweep runs/mb1 --batch 1 --threads 1",
           "concertina sweep runs/us1 --widths 0.25:1:0.025"},
          &run};
}

}  // namespace concertina::cli
