// Training the same net with several recipes and seeds, as ordinary runs in one folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "concertina/experiment/comparison.h"
#include "concertina/experiment/comparison_plan.h"
#include "concertina/experiment/new_run.h"

namespace concertina::experiment {

struct CompareWatch {
  // The watcher of one run's training; `which` is "run 2/6".
  std::function<TrainWatcher(const std::string& which)> training;
  // Called after each run with all that is known by then.
  std::function<void(const Comparison&)> on_run;
};

struct CompareResult {
  Comparison comparison;
  TrainEnd end = TrainEnd::finished;
  std::string where;             // unless finished: "run 2/6, ipkd-s1, after epoch 1, step 7"
  int diverged = 0;              // runs that were left out
  std::string first_divergence;  // folder and reason
};

// Trains every planned run that is not finished in FOLDER/NAME, from its start or from where it was
// left. A run that diverges is left out. All faults that can be found before the first step are:
// throws UsageError for a folder that is a run, and for a run there that has other settings. At
// most `max_steps` steps are made in all; -1 = no limit.
CompareResult compare_recipes(const NewRun& setting, const std::vector<PlannedRun>& plan,
                              const std::filesystem::path& folder, const CompareWatch& watch = {},
                              std::int64_t max_steps = -1);

}  // namespace concertina::experiment
