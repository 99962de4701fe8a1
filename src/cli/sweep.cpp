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

// The rows that an interrupted sweep of the same kind left, or none. One that is complete is
// measured anew: why else was it asked for.
Sweep begin(const fs::path& file, const SweepSetting& setting, std::size_t all) {
  std::error_code ignored;
  if (fs::exists(file, ignored)) {
    try {
      const Sweep old = read_sweep(file);
      if (same(old.setting, setting) && old.rows.size() < all) {
        log_info("continuing a sweep that has " + std::to_string(old.rows.size()) + " of " +
                 std::to_string(all) + " rows");
        return old;
      }
    } catch (const DataError& error) {
      log_warn(std::string(error.what()) + "; the sweep begins anew");
    }
  }
  return {setting, {}};
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
  if (subnets.empty()) {
    throw UsageError("the run has no sub-model to measure: it has not finished its first epoch");
  }
  return subnets;
}

class Sweeper {
 public:
  Sweeper(const RunState& state, Scorer& scorer, const EvalLoader& loader, bool quiet)
      : state_(state), scorer_(scorer), loader_(loader), line_(quiet) {}

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
      const std::optional<Score> score = measure_score(subnet, id);
      if (!score) return false;
      sweep.rows.push_back(measure(subnet, id, *score, sweep.setting));
      write_sweep(file, sweep);
      finished_ += 1;
    }
    return true;
  }

 private:
  std::optional<Score> measure_score(const Subnet& subnet, const std::string& id) {
    return scorer_.score(subnet, loader_, [&](std::int64_t done, std::int64_t all) {
      const double now = finished_ + static_cast<double>(done) / static_cast<double>(all);
      ProgressView view;
      view.task = "sweep " + id;
      view.share = now / all_;
      view.seconds_left = rate_.seconds_left(now, all_);
      line_.show(view);
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
  const std::vector<Subnet> subnets = measurable(state, best);
  const PreparedData data = data_of_run(state, run.recipe, options);
  const Split& split = split_of(data, options.text("split"));
  const fs::path file = run.folder / sweep_name(best);
  const SignalGuard guard;
  Sweep sweep = begin(file, setting_of(options, run.file(), split.size(), device), subnets.size());
  Scorer scorer(state, run.recipe, device, best);
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, device);
  if (!Sweeper(state, scorer, loader, options.flag("quiet")).run(subnets, sweep, file)) {
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
                integer_option("batch", {1, 65536}, "images a forward, for the latency", "1"),
                integer_option("repetitions", {1, 100000}, "timed forwards, for the latency", "30"),
                data_option()},
               {machine_options(), output_options()}),
          {"concertina sweep runs/mb1 --batch 1 --threads 1"},
          &run};
}

}  // namespace concertina::cli
