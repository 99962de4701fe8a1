#include "concertina/experiment/comparison.h"

#include <algorithm>
#include <functional>
#include <system_error>

#include <nlohmann/json.hpp>

#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/spec/cost.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

using Ids = std::vector<std::string>;
// One seed's value of one recipe, if it has one.
using Value = std::function<std::optional<double>(const ComparedRun&)>;

template <class T>
void add_new(std::vector<T>& all, const T& one) {
  if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(one);
}

// The lines of metrics.jsonl that are of a step; a run that was trained elsewhere may lack the
// file.
double step_rate(const fs::path& file) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return kUnknown;
  std::vector<double> rates;
  for (const std::string& line : split(read_file(file), '\n')) {
    const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("type") || json["type"] != "step") continue;
    const auto rate = json.find("images_per_s");
    if (rate != json.end() && rate->is_number()) rates.push_back(*rate);
  }
  return median(rates);
}

std::optional<double> accuracy(const ComparedRun& run, const std::string& id,
                               const Figure& figure) {
  for (const ComparedSubmodel& submodel : run.submodels) {
    const std::optional<Evaluation>& row = submodel.*figure.value;
    if (submodel.id == id && row) return row->accuracy;
  }
  return std::nullopt;
}

std::optional<double> mean_accuracy(const ComparedRun& run, const Ids& ids, const Figure& figure) {
  double sum = 0;
  for (const std::string& id : ids) {
    const std::optional<double> one = accuracy(run, id, figure);
    if (!one) return std::nullopt;
    sum += *one;
  }
  return sum / static_cast<double>(ids.size());
}

// The sub-models that have the figure in some run, in the order of the runs.
Ids ids_of(const std::vector<ComparedRun>& runs, const Figure& figure) {
  Ids ids;
  for (const ComparedRun& run : runs) {
    for (const ComparedSubmodel& submodel : run.submodels) {
      if (submodel.*figure.value) add_new(ids, submodel.id);
    }
  }
  return ids;
}

// The members of `ids` that every finished run has.
Ids common_ids(const std::vector<ComparedRun>& runs, const Ids& ids, const Figure& figure) {
  Ids common;
  for (const std::string& id : ids) {
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&](const ComparedRun& run) {
      return run.status != RunStatus::finished || accuracy(run, id, figure).has_value();
    });
    if (everywhere) common.push_back(id);
  }
  return common;
}

ComparedRow row_of(const Comparison& comparison, const std::string& submodel,
                   const std::string& recipe, const Value& value) {
  const std::string base = comparison.recipes().front();
  const auto runs = comparison.runs_of(recipe);
  const auto base_runs = comparison.runs_of(base);
  std::vector<double> values, pairs;
  for (std::size_t k = 0; k < runs.size(); ++k) {
    const std::optional<double> mine = value(*runs[k]);
    const std::optional<double> theirs = value(*base_runs[k]);
    if (mine) values.push_back(*mine);
    if (mine && theirs && recipe != base) pairs.push_back(*mine - *theirs);
  }
  return {submodel, recipe, spread(values), difference(pairs)};
}

}  // namespace

ComparedRun compared_run(const PlannedRun& plan) {
  ComparedRun run;
  run.name = plan.name;
  run.recipe = plan.recipe_name;
  run.seed = plan.recipe.seed;
  run.epochs = plan.recipe.epochs;
  return run;
}

void read_figures(const RunState& state, const fs::path& folder, ComparedRun& run) {
  run.status = RunStatus::finished;
  run.environment = state.environment;
  run.images_per_s = step_rate(folder / "metrics.jsonl");
  for (const SubnetState& one : state.submodels) {
    ComparedSubmodel submodel;
    submodel.id = subnet_id(state.net, one.subnet);
    submodel.macs = subnet_cost(state.net, one.subnet).anytime.macs;
    submodel.validation = newest_evaluation(state, submodel.id, "validation");
    submodel.test = newest_evaluation(state, submodel.id, "test");
    if (one.best) {
      submodel.best = Evaluation{
          one.best->epoch, submodel.id, "validation", one.best->loss, one.best->accuracy, 0, 0};
    }
    run.submodels.push_back(std::move(submodel));
  }
}

std::vector<std::string> Comparison::recipes() const {
  std::vector<std::string> names;
  for (const ComparedRun& run : runs) add_new(names, run.recipe);
  return names;
}

std::vector<std::uint64_t> Comparison::seeds() const {
  std::vector<std::uint64_t> found;
  for (const ComparedRun& run : runs) add_new(found, run.seed);
  return found;
}

std::vector<const ComparedRun*> Comparison::runs_of(const std::string& recipe) const {
  std::vector<const ComparedRun*> found;
  for (const ComparedRun& run : runs) {
    if (run.recipe == recipe) found.push_back(&run);
  }
  return found;
}

const std::vector<Figure>& figures() {
  static const std::vector<Figure> all = {
      {"validation", "validation", "validation accuracy after the last epoch",
       &ComparedSubmodel::validation},
      {"best", "validation",
       "validation accuracy at each sub-model's best epoch (chosen by it, so a little too high)",
       &ComparedSubmodel::best},
      {"test", "test",
       "test accuracy after the last epoch (reported only; what chooses is validation)",
       &ComparedSubmodel::test}};
  return all;
}

std::vector<ComparedRow> compare(const Comparison& comparison, const Figure& figure) {
  std::vector<ComparedRow> rows;
  const auto add = [&](const std::string& submodel, const Value& value) {
    for (const std::string& recipe : comparison.recipes()) {
      rows.push_back(row_of(comparison, submodel, recipe, value));
    }
  };
  const Ids ids = ids_of(comparison.runs, figure);
  for (const std::string& id : ids) {
    add(id, [&](const ComparedRun& run) { return accuracy(run, id, figure); });
  }
  const Ids common = common_ids(comparison.runs, ids, figure);
  if (common.size() < 2) return rows;
  add("mean", [&](const ComparedRun& run) { return mean_accuracy(run, common, figure); });
  return rows;
}

std::vector<RecipeTime> recipe_times(const Comparison& comparison) {
  std::vector<RecipeTime> times;
  const auto base = comparison.runs_of(comparison.recipes().front());
  for (const std::string& recipe : comparison.recipes()) {
    const auto runs = comparison.runs_of(recipe);
    std::vector<double> rates, ratios;
    for (std::size_t k = 0; k < runs.size(); ++k) {
      if (!(runs[k]->images_per_s > 0)) continue;
      rates.push_back(runs[k]->images_per_s);
      if (!(base[k]->images_per_s > 0) || runs[k]->environment != base[k]->environment) continue;
      ratios.push_back(base[k]->images_per_s / runs[k]->images_per_s);
    }
    times.push_back({recipe, median(rates), median(ratios)});
  }
  return times;
}

}  // namespace concertina::experiment
