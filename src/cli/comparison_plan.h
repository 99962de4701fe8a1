// Which runs a comparison is made of, and whether a run that stands there is one of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"

#include "options.h"

namespace concertina::cli {

struct PlannedRun {
  std::string name;         // of its folder: "ipkd-ta-s2"
  std::string recipe_name;  // as tables call it: "ipkd-ta"
  Recipe recipe;            // with its seed
};

// --recipes and --seeds.
std::vector<Option> plan_options();
// Every recipe of a seed before the next seed, so that one that stops early has whole pairs. Throws
// UsageError for a recipe or seed that stands there twice or is none, NoInputError for a recipe
// that is not there.
std::vector<PlannedRun> planned_runs(const Options& options);
// "3" is 1 2 3; "1,5,9" is those. Throws UsageError.
std::vector<std::uint64_t> parse_seeds(const std::string& text);

// Throws UsageError naming the folder and what differs, unless the run `there` was made from the
// recipe, net, images and arithmetic of `made`.
void refuse_other_settings(const RunState& made, const RunState& there,
                           const std::filesystem::path& folder);

}  // namespace concertina::cli
