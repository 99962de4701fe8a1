// How a run begins, for the commands that make one: its options, folder, data, net and first state.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"

#include "options.h"

namespace concertina::cli {

// --net, --net-option, --data and --limit.
std::vector<Option> fresh_run_options();
// --out, for commands that make one run.
Option out_option();
// What every command that trains new runs takes: those, then `own`, then the recipe's keys, how it
// is computed, --max-steps, the machine and the output.
std::vector<Option> training_options(const std::vector<Option>& own);
// What --set and the options that stand for a key of the recipe say.
Overrides training_overrides(const Options& options);

// Throws UsageError when the folder holds a run.
void refuse_old_run(const std::filesystem::path& folder);
// The images that --data and --limit name, checked, with what was found in the log.
Dataset read_images(const Options& options);
// The same as a run of this recipe uses them.
PreparedData load_data(const Options& options, const Recipe& recipe);
// The net that --net and --net-option name, for these data.
NetSpec build_net(const Options& options, const PreparedData& data);
// What a run of these options is before its first step.
RunState first_state(const NetSpec& net, const Recipe& recipe, const PreparedData& data,
                     at::Device device, const Options& options);
// Who learns from whom, one line a student.
void log_plan(const NetSpec& net, const Recipe& recipe);

}  // namespace concertina::cli
