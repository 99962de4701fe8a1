// The options of commands that make a run, and what they say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "concertina/experiment/new_run.h"

#include "options/options.h"

namespace concertina::cli {

// --net, --net-option, --data and --limit.
std::vector<Option> new_run_options();
// --out, for commands that make one run.
Option out_option();
// The options of every command that trains new runs: those above, then `own`, then the recipe's
// keys, how it is computed, --max-steps, the machine and the output.
std::vector<Option> training_options(const std::vector<Option>& own);
// Recipe keys as --set and the options that stand for a key give them.
Overrides training_overrides(const Options& options);

Option max_steps_option();
// --max-steps, or -1.
std::int64_t max_steps(const Options& options);

// Throws UsageError when the folder holds a run.
void refuse_old_run(const std::filesystem::path& folder);
// The values of new_run_options(). Throws UsageError when --net or --data is missing.
experiment::NewRun new_run_setting(const Options& options, at::Device device);
// Those and --engine, --precision and --start, which training_options() has.
experiment::NewRun new_training(const Options& options, at::Device device);

}  // namespace concertina::cli
