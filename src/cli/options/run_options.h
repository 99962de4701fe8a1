// The options of commands that read a run, and what they say.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "concertina/experiment/run_folder.h"

#include "options/options.h"

namespace concertina::cli {

// --data, for commands that need the images of a run that exists.
Option data_option();
// The run's images; --data says where they are now. Throws as experiment::data_of_run().
PreparedData data_of_run(RunState& state, const Recipe& recipe, const Options& options);

Option split_option();
Option checkpoint_option();
// The images that --split names. Throws UsageError when the run has none there.
const Split& split_of(const PreparedData& data, const std::string& name);

Option teacher_option();
// Writes the teachers that --teacher names into the recipes. Throws as
// experiment::name_teachers().
void name_teachers(const std::vector<Recipe*>& recipes, const Options& options);
Option start_option();

// The folder of *.ini that --recipe names are looked up in.
std::filesystem::path recipe_folder();
// A recipe's name, its file, or a run whose recipe is meant.
Recipe find_recipe(const std::string& argument, const Overrides& overrides = {});

}  // namespace concertina::cli
