#include "concertina/experiment/run_folder.h"

#include <algorithm>
#include <system_error>

#include "concertina/core/error.h"
#include "concertina/data/catalog.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_recipe_name(const std::string& text, const fs::path& schedules) {
  const std::vector<std::string> names = recipe_names(schedules);
  return std::find(names.begin(), names.end(), text) != names.end();
}

}  // namespace

fs::path run_file(const std::string& argument) {
  if (is_folder(argument)) return run_folder(argument) / "run.h5";
  if (is_there(argument)) return argument;
  throw NoInputError("run \"" + argument + "\" is not there; expected a run folder or its file");
}

fs::path run_folder(const std::string& argument) {
  if (!is_there(argument)) throw NoInputError("run folder \"" + argument + "\" is not there");
  if (!is_folder(argument)) {
    throw NoInputError("\"" + argument + "\" is no folder; expected the folder of a run");
  }
  if (!is_there(fs::path(argument) / "run.h5")) {
    throw NoInputError("folder \"" + argument + "\" holds no run: run.h5 is not there");
  }
  return argument;
}

std::string folder_of_run(const std::string& argument) {
  if (is_folder(argument)) return argument;
  const std::string folder = fs::path(argument).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool holds_run(const fs::path& folder) { return is_there(folder / "run.h5"); }

LockedRun::LockedRun(const std::string& argument)
    : folder(run_folder(argument)),
      lock(folder),
      state(read_run(file())),
      recipe(recipe_of(state)) {}

OpenedRun::OpenedRun(const std::string& argument)
    : file(run_file(argument)),
      folder(folder_of_run(argument)),
      sha256(file_sha256(file)),
      state(read_run(file)),
      recipe(recipe_of(state)) {}

std::optional<Evaluation> newest_evaluation(const RunState& state, const std::string& id,
                                            const std::string& split) {
  const auto& rows = state.evaluations;
  const auto newest = std::find_if(rows.rbegin(), rows.rend(), [&](const Evaluation& row) {
    return row.id == id && row.split == split;
  });
  if (newest == rows.rend()) return std::nullopt;
  return *newest;
}

bool is_calibrated(const RunState& state, Width width) {
  return std::any_of(state.norms.begin(), state.norms.end(),
                     [&](const NormBank& bank) { return bank.width == width && bank.calibrated; });
}

bool is_measurable(const RunState& state, const SubnetState& submodel, bool best) {
  return best ? submodel.best.has_value() : is_calibrated(state, submodel.subnet.width);
}

Recipe recipe_of(const RunState& state) { return parse_recipe(state.recipe, "the run's recipe"); }

PreparedData data_of_run(RunState& state, const Recipe& recipe, const std::string& moved_to) {
  if (!moved_to.empty()) state.data.argument = absolute_data(moved_to);
  return prepare_data(read_dataset(state.data.argument), state, recipe);
}

std::string absolute_data(const std::string& argument) {
  const std::size_t colon = argument.find(':');
  if (colon == std::string::npos || colon + 1 == argument.size()) return argument;
  const fs::path path = fs::absolute(argument.substr(colon + 1)).lexically_normal();
  return argument.substr(0, colon + 1) + path.string();
}

const Split& split_of(const PreparedData& data, const std::string& name) {
  const Split& split = name == "test"         ? data.test
                       : name == "validation" ? data.validation
                                              : data.train;
  if (split.size() > 0) return split;
  throw UsageError("the run has no " + name + " images");
}

Recipe find_recipe(const std::string& argument, const fs::path& schedules,
                   const Overrides& overrides) {
  const fs::path file = is_folder(argument) ? fs::path(argument) / "run.h5" : fs::path(argument);
  if (is_recipe_name(argument, schedules) || !is_our_file(file)) {
    return load_recipe(argument, schedules, overrides);
  }
  return parse_recipe(read_run_summary(file).recipe, "the recipe of " + file.string(), overrides);
}

}  // namespace concertina::experiment
