// Measuring the sub-models of a run, one after another: accuracy and loss, cost, latency. The rows
// are kept in the run folder, so a sweep can be interrupted and continued.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/scorer.h"
#include "concertina/experiment/watch.h"
#include "concertina/store/sweep_file.h"

namespace concertina::experiment {

// How latency is measured.
struct LatencyRequest {
  int batch = 1;  // images per forward pass
  int repetitions = 30;
};

struct SweepRequest {
  std::string split = "test";
  bool best = false;          // each sub-model's best checkpoint, not the net as the run left it
  std::vector<Width> widths;  // these; empty = those of the run. Widths that the run lacks are
                              // calibrated, where norms are shared
  LatencyRequest latency;
  at::Device device = at::kCPU;
};

struct SweepResult {
  Sweep sweep;
  std::filesystem::path file;
  std::size_t wanted = 0;  // rows of a complete sweep
  bool complete = false;   // false: `watch` stopped it; the rows so far are in the file
};

// Measures the sub-models asked for into RUN/sweep.h5 (sweep-best.h5 of best checkpoints). A sweep
// of the same kind that was interrupted is continued; one that is complete is measured anew. Throws
// UsageError for a run without a finished epoch and for a width that cannot be measured.
SweepResult sweep(const LockedRun& run, const PreparedData& data, const SweepRequest& request,
                  const Watch& watch = {});

// "sweep.h5", or "sweep-best.h5" of best checkpoints.
const char* sweep_name(bool best);
// The settings under which rows are comparable. `run` is the file whose SHA-256 is noted.
SweepSetting sweep_setting(const LatencyRequest& latency, const std::string& split,
                           std::int64_t images, const std::filesystem::path& run,
                           at::Device device);
bool same_setting(const SweepSetting& a, const SweepSetting& b);
// The sweep in `file`; nothing where there is none, or none that can be read, which is logged.
std::optional<Sweep> earlier_sweep(const std::filesystem::path& file);

// Adds rows to a sweep.
class Sweeper {
 public:
  Sweeper(const RunState& state, Scorer& scorer, const PreparedData& data, const EvalLoader& loader,
          const Watch& watch)
      : state_(state), scorer_(scorer), data_(data), loader_(loader), watch_(watch) {}

  // Adds the rows of `subnets` that `sweep` lacks, and writes the file after each. False when the
  // watch stopped it before the last; the rows measured so far are in the file.
  bool run(const std::vector<Subnet>& subnets, Sweep& sweep, const std::filesystem::path& file);

 private:
  void calibrate(Width width);
  void show(const std::string& task, double now);
  std::optional<Score> measure_score(const Subnet& subnet, const std::string& id);
  Measurement measure(const Subnet& subnet, const Score& score, const SweepSetting& setting) const;

  const RunState& state_;
  Scorer& scorer_;
  const PreparedData& data_;
  const EvalLoader& loader_;
  const Watch& watch_;
  double all_ = 0;
  double finished_ = 0;
};

}  // namespace concertina::experiment
