#include "output/comparison_results.h"

#include <algorithm>
#include <cmath>

#include "concertina/core/file.h"
#include "concertina/core/text.h"

#include "output/table.h"
#include "start.h"

namespace concertina::cli {

using namespace experiment;

namespace {

struct Section {
  std::string caption;
  TextTable table;
};

const char* status_name(RunStatus status) {
  return status == RunStatus::finished ? "finished"
         : status == RunStatus::to_do  ? "to do"
                                       : "diverged";
}

std::size_t count_of(const std::vector<const ComparedRun*>& runs, RunStatus status) {
  return static_cast<std::size_t>(std::count_if(
      runs.begin(), runs.end(), [&](const ComparedRun* run) { return run->status == status; }));
}

// Percentage points, and what a fraction of them is.
std::string points_cell(double fraction) {
  return std::isnan(fraction) ? "-" : format_fixed(fraction * 100, 2);
}
std::string signed_cell(double fraction) {
  return (fraction >= 0 ? "+" : "") + points_cell(fraction);
}
std::string interval_cell(const Difference& difference) {
  if (std::isnan(difference.low)) return "-";
  return signed_cell(difference.low) + " to " + signed_cell(difference.high);
}

std::vector<std::string> environments(const Comparison& comparison) {
  std::vector<std::string> found;
  for (const ComparedRun& run : comparison.runs) {
    const bool known = std::find(found.begin(), found.end(), run.environment) != found.end();
    if (run.status == RunStatus::finished && !known) found.push_back(run.environment);
  }
  return found;
}

std::string where_timed(const Comparison& comparison) {
  const std::vector<std::string> found = environments(comparison);
  if (found.empty()) return "nowhere yet";
  if (found.size() > 1) return "in different environments (times are compared within each)";
  return "on " + recorded(found[0], "processor") + ", " + recorded(found[0], "threads") +
         " threads, " + recorded(found[0], "device");
}

Section recipe_section(const Comparison& comparison) {
  TextTable table({"recipe", ">runs", ">diverged", ">epochs", ">images/s", ">time"});
  for (const RecipeTime& time : recipe_times(comparison)) {
    const auto runs = comparison.runs_of(time.recipe);
    table.add(
        {time.recipe,
         std::to_string(count_of(runs, RunStatus::finished)) + "/" + std::to_string(runs.size()),
         std::to_string(count_of(runs, RunStatus::diverged)), std::to_string(runs.front()->epochs),
         std::isnan(time.images_per_s) ? "-" : format_fixed(time.images_per_s, 0),
         std::isnan(time.relative_time) ? "-" : format_fixed(time.relative_time, 2)});
  }
  return {"runs finished, and the time of a training step (time: an image's, of " +
              comparison.recipes().front() + "'s), measured " + where_timed(comparison),
          table};
}

Section figure_section(const Figure& figure, const std::vector<ComparedRow>& rows) {
  TextTable table({"sub-model", "recipe", ">seeds", ">mean", ">deviation", ">difference", ">error",
                   ">95% interval"});
  for (const ComparedRow& row : rows) {
    if (row.spread.count == 0) continue;
    const bool paired = row.difference.count > 0;
    table.add({row.submodel, row.recipe, std::to_string(row.spread.count),
               accuracy_cell(row.spread.mean), points_cell(row.spread.deviation),
               paired ? signed_cell(row.difference.mean) : "",
               paired ? points_cell(row.difference.standard_error) : "",
               paired ? interval_cell(row.difference) : ""});
  }
  return {figure.caption, table};
}

std::vector<Section> sections(const Comparison& comparison) {
  std::vector<Section> result = {recipe_section(comparison)};
  for (const Figure& figure : figures()) {
    const std::vector<ComparedRow> rows = compare(comparison, figure);
    if (!rows.empty()) result.push_back(figure_section(figure, rows));
  }
  return result;
}

std::string title(const Comparison& comparison) {
  std::vector<std::string> seeds;
  for (const std::uint64_t seed : comparison.seeds()) seeds.push_back(std::to_string(seed));
  const std::string part =
      comparison.limit > 0 ? " (first " + std::to_string(comparison.limit) + " images)" : "";
  return join(comparison.recipes(), ", ") + " on " + comparison.net + ", " + comparison.data +
         part + ", seeds " + join(seeds, " ");
}

std::string note(const Comparison& comparison) {
  return "mean and sample deviation over the seeds; difference: the mean over the seeds of a "
         "recipe's\naccuracy less " +
         comparison.recipes().front() +
         "'s with the same seed, its standard error and its 95% interval (Student's t);\n"
         "deviation and differences are percentage points\n";
}

Json submodel_json(const ComparedSubmodel& submodel) {
  return {{"id", submodel.id},
          {"macs", submodel.macs},
          {"validation", evaluation_json(submodel.validation)},
          {"best", evaluation_json(submodel.best)},
          {"test", evaluation_json(submodel.test)}};
}

Json run_json(const ComparedRun& run) {
  Json json = {{"run", run.name},
               {"recipe", run.recipe},
               {"seed", run.seed},
               {"status", status_name(run.status)},
               {"submodels", Json::array()}};
  for (const ComparedSubmodel& one : run.submodels) json["submodels"].push_back(submodel_json(one));
  return json;
}

Json recipe_json(const Comparison& comparison, const std::string& recipe) {
  const auto runs = comparison.runs_of(recipe);
  return {{"name", recipe},
          {"epochs", runs.front()->epochs},
          {"finished", count_of(runs, RunStatus::finished)},
          {"diverged", count_of(runs, RunStatus::diverged)},
          {"to_do", count_of(runs, RunStatus::to_do)}};
}

Json difference_json(const Difference& difference) {
  if (difference.count == 0) return nullptr;
  return {{"seeds", difference.count},
          {"mean", difference.mean},
          {"standard_error", difference.standard_error},
          {"low", difference.low},
          {"high", difference.high}};
}

Json figure_json(const Comparison& comparison, const Figure& figure) {
  Json json = {{"figure", figure.name}, {"split", figure.split}, {"rows", Json::array()}};
  for (const ComparedRow& row : compare(comparison, figure)) {
    json["rows"].push_back({{"submodel", row.submodel},
                            {"recipe", row.recipe},
                            {"seeds", row.spread.count},
                            {"mean", row.spread.mean},
                            {"deviation", row.spread.deviation},
                            {"difference", difference_json(row.difference)}});
  }
  return json;
}

Json times_json(const Comparison& comparison) {
  Json json = {{"environments", environments(comparison)}, {"recipes", Json::array()}};
  for (const RecipeTime& time : recipe_times(comparison)) {
    json["recipes"].push_back({{"recipe", time.recipe},
                               {"images_per_s", time.images_per_s},
                               {"relative_time", time.relative_time}});
  }
  return json;
}

}  // namespace

Json comparison_json(const Comparison& comparison) {
  Json json = {{"net", comparison.net},       {"data", comparison.data},
               {"limit", comparison.limit},   {"baseline", comparison.recipes().front()},
               {"seeds", comparison.seeds()}, {"recipes", Json::array()},
               {"figures", Json::array()},    {"times", times_json(comparison)},
               {"runs", Json::array()}};
  for (const std::string& recipe : comparison.recipes()) {
    json["recipes"].push_back(recipe_json(comparison, recipe));
  }
  for (const Figure& figure : figures()) {
    json["figures"].push_back(figure_json(comparison, figure));
  }
  for (const ComparedRun& run : comparison.runs) json["runs"].push_back(run_json(run));
  return json;
}

std::string comparison_text(const Comparison& comparison) {
  std::string text = title(comparison) + "\n";
  for (const Section& section : sections(comparison)) {
    text += "\n" + section.caption + "\n" + section.table.text();
  }
  return text + "\n" + note(comparison);
}

std::string comparison_markdown(const Comparison& comparison) {
  std::string text = "# " + title(comparison) + "\n";
  for (const Section& section : sections(comparison)) {
    text += "\n" + section.caption + ":\n\n" + section.table.markdown();
  }
  return text + "\n" + note(comparison);
}

void write_comparison(const Comparison& comparison, const std::filesystem::path& folder) {
  replace_file(folder / "compare.json", {json_text(comparison_json(comparison))});
  replace_file(folder / "compare.md", {comparison_markdown(comparison)});
}

}  // namespace concertina::cli
