// How a run begins, for the commands that make one: its folder, its data, its net.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"

#include "options.h"

namespace concertina::cli {

// --net, --net-option, --data, --out and --limit.
std::vector<Option> fresh_run_options();
// Throws UsageError when the folder holds a run.
void refuse_old_run(const std::filesystem::path& folder);
// The data that --data and --limit name, checked, with what was found in the log.
PreparedData load_data(const Options& options, const Recipe& recipe);
// The net that --net and --net-option name, for these data.
NetSpec build_net(const Options& options, const PreparedData& data);

}  // namespace concertina::cli
