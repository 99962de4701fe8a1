// Runs as they lie on disk, and the images they were trained on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "concertina/core/file.h"
#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"
#include "concertina/train/run_state.h"

namespace concertina::experiment {

// The run.h5 of a run folder, or the file that was named. Throws NoInputError.
std::filesystem::path run_file(const std::string& argument);
// Throws NoInputError unless `argument` is a folder with a run.h5.
std::filesystem::path run_folder(const std::string& argument);
// The run folder that run_file(argument) is in, as `argument` names it.
std::string folder_of_run(const std::string& argument);
bool holds_run(const std::filesystem::path& folder);
Recipe recipe_of(const RunState& state);

// A run that this process may change: no other process does while this object lives. Throws as
// run_folder(), read_run() and FolderLock.
struct LockedRun {
  explicit LockedRun(const std::string& argument);
  std::filesystem::path file() const { return folder / "run.h5"; }

  std::filesystem::path folder;
  FolderLock lock;
  RunState state;
  Recipe recipe;
};

// A run that is only read, from its folder or from a file such as best.h5.
struct OpenedRun {
  explicit OpenedRun(const std::string& argument);

  std::filesystem::path file, folder;
  std::string sha256;  // of the file, taken before it was read
  RunState state;
  Recipe recipe;
};

// The last evaluation of a sub-model on a split, if there is any.
std::optional<Evaluation> newest_evaluation(const RunState& state, const std::string& id,
                                            const std::string& split);
bool is_calibrated(const RunState& state, Width width);
// A sweep can measure it: its width is calibrated, or with `best`, it has a best checkpoint.
bool is_measurable(const RunState& state, const SubnetState& submodel, bool best);

// Reads the run's images and checks that they are those it was trained on. `moved_to`: where they
// are now ("cifar10:DIR"), kept in the state; "" = where they were.
PreparedData data_of_run(RunState& state, const Recipe& recipe, const std::string& moved_to = "");
// "cifar10:relative" with its path made absolute, as a run stores it.
std::string absolute_data(const std::string& argument);
// "test", "validation" or "train". Throws UsageError when the run has no images there.
const Split& split_of(const PreparedData& data, const std::string& name);

// A recipe by its name in the folder `schedules`, by its file, or the recipe of a run.
Recipe find_recipe(const std::string& argument, const std::filesystem::path& schedules,
                   const Overrides& overrides = {});

}  // namespace concertina::experiment
