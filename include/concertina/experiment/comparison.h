// Compares the results of runs: accuracies as the runs recorded them, their spread over the
// seeds, and the differences from the first recipe with the same seed. Nothing is computed by a
// net here. How they are shown is the
// program's business.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "concertina/experiment/comparison_plan.h"
#include "concertina/experiment/statistics.h"
#include "concertina/store/run_file.h"

namespace concertina::experiment {

enum class RunStatus { to_do, finished, diverged };

struct ComparedSubmodel {
  std::string id;
  std::int64_t macs = 0;
  std::optional<Evaluation> validation, best, test;  // best: by validation, on validation
};

struct ComparedRun {
  std::string name, recipe;  // as in PlannedRun
  std::uint64_t seed = 0;
  std::int64_t epochs = 0;  // that the recipe asks for
  RunStatus status = RunStatus::to_do;
  // Set for a finished run:
  std::vector<ComparedSubmodel> submodels;
  double images_per_s = kUnknown;  // of the training steps, the median
  std::string environment;         // as RunState has it
};

ComparedRun compared_run(const PlannedRun& plan);  // to do
// Takes what the finished run in `folder` recorded.
void read_figures(const RunState& state, const std::filesystem::path& folder, ComparedRun& run);

struct Comparison {
  std::vector<ComparedRun> runs;  // as planned_runs() orders them; one or more
  std::string net, data;          // as the command line named them
  std::int64_t limit = 0;         // images of each part; 0 = all

  std::vector<std::string> recipes() const;  // in the order given; the first is the baseline
  std::vector<std::uint64_t> seeds() const;
  std::vector<const ComparedRun*> runs_of(const std::string& recipe) const;  // in order of seeds
};

// One of the accuracies that are compared.
struct Figure {
  std::string name;     // "best"
  std::string split;    // whose images
  std::string caption;  // what it is, in a line
  std::optional<Evaluation> ComparedSubmodel::*value;
};
const std::vector<Figure>& figures();

// One recipe's accuracy for a sub-model, or its mean over the sub-models of all recipes.
struct ComparedRow {
  std::string submodel;  // id, or "mean"
  std::string recipe;
  Spread spread;          // fractions
  Difference difference;  // from the first recipe, fractions; count 0 for that recipe itself
};
// Sub-models in the order of the runs, then the mean; none when no finished run has the figure.
std::vector<ComparedRow> compare(const Comparison& comparison, const Figure& figure);

// How long a recipe trains, where its runs were trained.
struct RecipeTime {
  std::string recipe;
  double images_per_s = kUnknown;   // the median of the runs'
  double relative_time = kUnknown;  // an image's, to the first recipe's; the median of the pairs
                                    // that were trained in the same environment
};
std::vector<RecipeTime> recipe_times(const Comparison& comparison);

}  // namespace concertina::experiment
