#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/eval/latency.h"
#include "concertina/experiment/sweep.h"
#include "concertina/kernels/thread_pool.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

constexpr int kWarmUp = 5;

bool has_row(const Sweep& sweep, const Subnet& subnet) {
  return std::any_of(sweep.rows.begin(), sweep.rows.end(),
                     [&](const Measurement& row) { return row.subnet == subnet; });
}

}  // namespace

const char* sweep_name(bool best) { return best ? "sweep-best.h5" : "sweep.h5"; }

SweepSetting sweep_setting(const LatencyRequest& latency, const std::string& split,
                           std::int64_t images, const fs::path& run, at::Device device) {
  SweepSetting setting;
  setting.split = split;
  setting.images = images;
  setting.batch = latency.batch;
  setting.threads = kernels::thread_count();
  setting.repetitions = latency.repetitions;
  setting.warm_up = kWarmUp;
  setting.device = device.str();
  setting.processor = processor_name();
  setting.run_sha256 = file_sha256(run);
  return setting;
}

bool same_setting(const SweepSetting& a, const SweepSetting& b) {
  return a.split == b.split && a.images == b.images && a.batch == b.batch &&
         a.threads == b.threads && a.repetitions == b.repetitions && a.warm_up == b.warm_up &&
         a.device == b.device && a.processor == b.processor && a.run_sha256 == b.run_sha256;
}

std::optional<Sweep> earlier_sweep(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  try {
    return read_sweep(file);
  } catch (const DataError& error) {
    log_warn(std::string(error.what()) + "; the sweep begins anew");
    return std::nullopt;
  }
}

bool Sweeper::run(const std::vector<Subnet>& subnets, Sweep& sweep, const fs::path& file) {
  std::vector<Subnet> missing;
  for (const Subnet& subnet : subnets) {
    if (!has_row(sweep, subnet)) missing.push_back(subnet);
  }
  all_ = static_cast<double>(subnets.size());
  finished_ = static_cast<double>(subnets.size() - missing.size());
  for (std::size_t k = 0; k < missing.size(); ++k) {
    const Subnet& subnet = missing[k];
    if (watch_.is_stopped()) return false;
    if (k > 0 && missing[k - 1].width != subnet.width) scorer_.forget(missing[k - 1].width);
    if (!scorer_.can_score(subnet.width)) calibrate(subnet.width);
    const std::string id = subnet_id(state_.net, subnet);
    const std::optional<Score> score = measure_score(subnet, id);
    if (!score) return false;
    sweep.rows.push_back(measure(subnet, *score, sweep.setting));
    std::sort(sweep.rows.begin(), sweep.rows.end(),
              [](const Measurement& a, const Measurement& b) { return a.subnet < b.subnet; });
    write_sweep(file, sweep);
    finished_ += 1;
  }
  return true;
}

void Sweeper::calibrate(Width width) {
  show("calibrate " + width.label(), finished_);
  scorer_.calibrate(width, data_);
}

void Sweeper::show(const std::string& task, double now) { watch_.show({task, now / all_, ""}); }

std::optional<Score> Sweeper::measure_score(const Subnet& subnet, const std::string& id) {
  return scorer_.score(subnet, loader_, [&](std::int64_t done, std::int64_t all) {
    show("sweep " + id, finished_ + static_cast<double>(done) / static_cast<double>(all));
    return !watch_.is_stopped();
  });
}

Measurement Sweeper::measure(const Subnet& subnet, const Score& score,
                             const SweepSetting& setting) const {
  FlexibleNet net = scorer_.small_net(subnet);
  LatencySetting timing;
  timing.batch = setting.batch;
  timing.repetitions = setting.repetitions;
  timing.warm_up = setting.warm_up;
  const Latency latency = measure_latency(net, timing);
  Measurement row = unmeasured(state_.net, subnet);
  row.accuracy = score.accuracy;
  row.loss = score.loss;
  row.latency_median = latency.median;
  row.latency_p95 = latency.p95;
  return row;
}

}  // namespace concertina::experiment
