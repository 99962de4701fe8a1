#include "options/run_options.h"

#include <cstdlib>
#include <system_error>

#include "concertina/experiment/teachers.h"

namespace concertina::cli {

namespace fs = std::filesystem;

Option data_option() {
  return text_option("data", "NAME[:PATH]", "where the run's images are now, if they moved");
}

PreparedData data_of_run(RunState& state, const Recipe& recipe, const Options& options) {
  return experiment::data_of_run(state, recipe, options.text("data"));
}

Option split_option() {
  return choice_option("split", {"test", "validation", "train"}, "which images", "test");
}

Option checkpoint_option() {
  return choice_option("checkpoint", {"last", "best"},
                       "last: the net as the run left it; best: each sub-model's own best by "
                       "validation",
                       "last");
}

const Split& split_of(const PreparedData& data, const std::string& name) {
  return *for_option("--split " + name, [&] { return &experiment::split_of(data, name); });
}

Option teacher_option() {
  return list_option("teacher", "[NAME=]SOURCE",
                     "an external teacher of the recipe: a run, an exported .h5 or a TorchScript "
                     "file; ':' and a sub-model may follow");
}

Option start_option() {
  return text_option("start", "RUN",
                     "begin with this run's weights, wherever names and shapes are the same");
}

void name_teachers(const std::vector<Recipe*>& recipes, const Options& options) {
  for_option("--teacher", [&] { experiment::name_teachers(recipes, options.list("teacher")); });
}

fs::path recipe_folder() {
  const char* named = std::getenv("CONCERTINA_SCHEDULES");
  if (named != nullptr && *named != '\0') return named;
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  const fs::path installed = program.parent_path().parent_path() / "share/concertina/schedules";
  std::error_code ignored;
  if (!failed && fs::is_directory(installed, ignored)) return installed;
  return CONCERTINA_SCHEDULES_FOLDER;
}

Recipe find_recipe(const std::string& argument, const Overrides& overrides) {
  return experiment::find_recipe(argument, recipe_folder(), overrides);
}

}  // namespace concertina::cli
