#include "concertina/experiment/comparison_plan.h"

#include <algorithm>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/teachers.h"
#include "concertina/recipe/ini.h"
#include "concertina/train/run_state.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

// The stem of a recipe's file; a run's folder when it is the recipe of a run.
std::string name_of(const std::string& argument) {
  fs::path path = fs::path(argument).lexically_normal();
  if (!path.has_filename() || path.filename() == "run.h5") path = path.parent_path();
  return path.extension() == ".ini" ? path.stem().string() : path.filename().string();
}

// Validation images are drawn by the seed, but as many as the recipe asks for.
void warn_of_other_splits(const std::vector<PlannedRun>& runs) {
  const PlannedRun& first = runs.front();
  for (const PlannedRun& run : runs) {
    if (run.recipe.validation == first.recipe.validation) continue;
    log_warn(
        "recipe " + run.recipe_name + " holds out " + std::to_string(run.recipe.validation) +
        " images, " + first.recipe_name + " " + std::to_string(first.recipe.validation) +
        ": their runs of one seed do not share a split; recipe key train.validation makes them");
    return;
  }
}

std::string entry_text(const std::vector<IniEntry>& entries, std::size_t place) {
  if (place >= entries.size()) return "nothing more";
  const IniEntry& entry = entries[place];
  return "\"" + entry.section + "." + entry.key + " = " + entry.value + "\"";
}

// The first setting in which two canonical texts differ.
std::string recipe_difference(const std::string& there, const std::string& made) {
  const std::vector<IniEntry> left = parse_ini(there, "the run's recipe");
  const std::vector<IniEntry> right = parse_ini(made, "the recipe");
  std::size_t place = 0;
  while (place < left.size() && place < right.size() &&
         entry_text(left, place) == entry_text(right, place)) {
    ++place;
  }
  return "its recipe says " + entry_text(left, place) + ", this comparison's " +
         entry_text(right, place);
}

std::string images_text(const DataDescription& data) {
  return data.argument + (data.limit > 0 ? " limited to " + std::to_string(data.limit) : "") +
         " (SHA-256 " + data.sha256.substr(0, 12) + ")";
}

// SHA-256 of the run whose weights it began with, or "".
std::string start_of(const RunState& state) {
  const std::string head = "start_sha256 = ";
  for (const std::string& line : split(state.environment, '\n')) {
    if (line.compare(0, head.size(), head) == 0) return line.substr(head.size());
  }
  return "";
}

std::string arithmetic_text(const RunState& state) {
  return std::string(engine_name(recorded_engine(state.environment))) + " " +
         precision_name(recorded_precision(state.environment));
}

bool has_cut(const RunState& made) {
  const std::vector<PlanStage> stages = parse_recipe(made.recipe, "its recipe").plan.stages;
  return std::any_of(stages.begin(), stages.end(),
                     [](const PlanStage& stage) { return stage.prune > 0; });
}

// The net's text; of one that a stage has cut, or will, without what that changes.
std::string form_of(NetSpec net, bool cuts) {
  for (Layer& layer : net.layers) {
    if (cuts && layer.elastic) layer.channels = 0;
  }
  return write_spec(net);
}

// Names the first setting in which the run there differs from this comparison; "" = none.
std::string settings_difference(const RunState& made, const RunState& there) {
  if (there.net.name != made.net.name) {
    return "its net is " + there.net.name + ", this comparison's " + made.net.name;
  }
  if (there.data.sha256 != made.data.sha256) {
    return "its images are " + images_text(there.data) + ", this comparison's " +
           images_text(made.data);
  }
  const bool cuts = has_cut(made);
  if (form_of(there.net, cuts) != form_of(made.net, cuts)) {
    return "its net " + there.net.name + " has other options";
  }
  if (start_of(there) != start_of(made)) {
    return "it began with other weights";
  }
  if (there.recipe != made.recipe) return recipe_difference(there.recipe, made.recipe);
  if (arithmetic_text(there) == arithmetic_text(made)) return "";
  return "it is computed by " + arithmetic_text(there) + ", this comparison by " +
         arithmetic_text(made);
}

}  // namespace

void check_recipe_names(const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  for (const std::string& argument : arguments) {
    const std::string name = name_of(argument);
    if (name.empty()) {
      throw UsageError("a name is empty; expected such as joint,ipkd");
    }
    if (contains(names, name)) {
      throw UsageError("two are called \"" + name +
                       "\", and their runs would share folders; expected different names");
    }
    names.push_back(name);
  }
}

std::vector<PlannedRun> planned_runs(const PlanRequest& request) {
  check_recipe_names(request.recipes);
  std::vector<PlannedRun> runs;
  for (const std::uint64_t seed : request.seeds) {
    Overrides overrides = request.overrides;
    overrides.push_back("train.seed=" + std::to_string(seed));
    for (const std::string& argument : request.recipes) {
      const std::string name = name_of(argument);
      runs.push_back({name + "-s" + std::to_string(seed), name,
                      find_recipe(argument, request.schedules, overrides)});
    }
  }
  std::vector<Recipe*> recipes;
  for (PlannedRun& run : runs) recipes.push_back(&run.recipe);
  name_teachers(recipes, request.teachers);
  for (const Recipe* recipe : recipes) require_teachers(*recipe);
  warn_of_other_splits(runs);
  return runs;
}

void refuse_other_settings(const RunState& made, const RunState& there, const fs::path& folder) {
  const std::string what = settings_difference(made, there);
  if (what.empty()) return;
  throw UsageError("folder \"" + folder.string() + "\" holds a run with other settings: " + what +
                   "; expected another folder");
}

}  // namespace concertina::experiment
