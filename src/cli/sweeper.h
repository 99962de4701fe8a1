// Measures sub-models of a run into a sweep file, one after another: accuracy and loss, cost,
// latency. Not for: which ones (the commands).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "concertina/store/sweep_file.h"

#include "options.h"
#include "progress.h"
#include "scoring.h"

namespace concertina::cli {

// --batch and --repetitions
std::vector<Option> latency_options();
SweepSetting sweep_setting(const Options& options, const std::string& split, std::int64_t images,
                           const std::filesystem::path& run, at::Device device);
bool same_setting(const SweepSetting& a, const SweepSetting& b);
// The sweep in `file`; nothing where there is none, or none that can be read, which is logged.
std::optional<Sweep> earlier_sweep(const std::filesystem::path& file);

class Sweeper {
 public:
  Sweeper(const RunState& state, Scorer& scorer, const PreparedData& data, const EvalLoader& loader,
          bool quiet)
      : state_(state), scorer_(scorer), data_(data), loader_(loader), line_(quiet) {}

  // Adds the rows of `subnets` that `sweep` lacks, and writes the file after each. False when a
  // signal came before the last; the rows measured so far are in the file.
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
  ProgressLine line_;
  Rate rate_;
  double all_ = 0;
  double finished_ = 0;
};

}  // namespace concertina::cli
