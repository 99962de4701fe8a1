// Which runs a comparison is made of, and whether a run that stands there is one of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"

namespace concertina::experiment {

struct PlannedRun {
  std::string name;         // of its folder: "ipkd-ta-s2"
  std::string recipe_name;  // as tables call it: "ipkd-ta"
  Recipe recipe;            // with its seed
};

struct PlanRequest {
  std::vector<std::string> recipes;   // names, files or runs; the first is the baseline
  std::vector<std::uint64_t> seeds;   // different ones
  Overrides overrides;                // recipe keys, but not the seed
  std::filesystem::path schedules;    // the folder that names of recipes are looked up in
  std::vector<std::string> teachers;  // as name_teachers() takes them
};
// Throws UsageError when a name is empty, or when two recipes are called the same: their runs would
// share folders.
void check_recipe_names(const std::vector<std::string>& recipes);
// Every recipe of a seed before the next seed, so that a comparison that stops early has whole
// pairs. Throws UsageError for a recipe that stands there twice, NoInputError for one that is not
// there.
std::vector<PlannedRun> planned_runs(const PlanRequest& request);

// Throws UsageError naming the folder and what differs, unless the run `there` was made from the
// recipe, net, images and arithmetic of `made`.
void refuse_other_settings(const RunState& made, const RunState& there,
                           const std::filesystem::path& folder);

}  // namespace concertina::experiment
