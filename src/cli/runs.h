// Runs as the commands find them on disk, and the images they were fed.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "concertina/core/file.h"
#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"
#include "concertina/train/run_state.h"

#include "options.h"

namespace concertina::cli {

// A run folder's run.h5, or the file that was named. Throws NoInputError.
std::filesystem::path run_file(const std::string& argument);
// Throws NoInputError unless `argument` is a folder with a run.h5.
std::filesystem::path run_folder(const std::string& argument);
// The run folder that run_file(argument) is in, as a command line would name it.
std::string folder_of_run(const std::string& argument);
Recipe recipe_of(const RunState& state);

// A run that this process may change: no other one does while this lives.
struct LockedRun {
  explicit LockedRun(const std::string& argument);
  std::filesystem::path file() const { return folder / "run.h5"; }

  std::filesystem::path folder;
  FolderLock lock;
  RunState state;
  Recipe recipe;
};

// The last one of a sub-model on a split, if there is any.
std::optional<Evaluation> newest_evaluation(const RunState& state, const std::string& id,
                                            const std::string& split);
bool is_calibrated(const RunState& state, Width width);
// A sweep can measure it: its width is calibrated, or with `best`, it has a best checkpoint.
bool is_measurable(const RunState& state, const SubnetState& submodel, bool best);

// --data, for commands that need the images of a run that exists.
Option data_option();
// Reads them and checks that they are the run's; --data says where they are now.
PreparedData data_of_run(RunState& state, const Recipe& recipe, const Options& options);
// "cifar10:relative" with its path made absolute, as a run stores it.
std::string absolute_data(const std::string& argument);

Option split_option();
Option checkpoint_option();
// Throws UsageError when the run has no images there.
const Split& split_of(const PreparedData& data, const std::string& name);

// The folder of *.ini that --recipe names are looked up in.
std::filesystem::path recipe_folder();
// A recipe's name, its file, or a run whose recipe is meant.
Recipe find_recipe(const std::string& argument, const Overrides& overrides = {});

}  // namespace concertina::cli
