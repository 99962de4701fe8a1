// Checks of a whole recipe or plan, whether it was read from text or made in C++.
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/recipe/recipe.h"

#include "keys.h"
#include "plan_check.h"

namespace concertina {

void check_recipe(const Recipe& recipe, const Places& places) {
  const auto refuse = [&](const std::string& key, const std::string& what) {
    const auto found = places.find(key);
    throw UsageError((found == places.end() ? recipe.name + ": " + key : found->second) + ": " +
                     what);
  };
  if (recipe.nesterov && recipe.momentum == 0) {
    refuse("optimizer.momentum", "Nesterov's form needs a momentum above 0");
  }
  if (recipe.lr.kind == LrKind::multistep && recipe.lr.milestones.empty()) {
    refuse("optimizer.schedule", "multistep needs optimizer.milestones");
  }
  if (recipe.pairs && recipe.batch % 2 != 0) {
    refuse("train.batch", "train.pairs needs an even batch, found " + std::to_string(recipe.batch));
  }
  if (recipe.random_widths >= 0 && recipe.norm == NormMode::switchable) {
    refuse("distill.random-widths",
           "needs net.norm = calibrated or shared: a width that is drawn has no norm of its own");
  }
  const auto uniform = [](Width width) { return width.is_uniform(); };
  if (recipe.random_widths >= 0 &&
      !std::all_of(recipe.widths.begin(), recipe.widths.end(), uniform)) {
    refuse("distill.random-widths", "needs net.widths of one share each, not of one a stage");
  }
  if (recipe.random_widths >= 0 && any_quantized(recipe.widths)) {
    refuse("distill.random-widths",
           "needs net.widths without bits: a width that is drawn has none");
  }
  const auto in = [&](const char* key, const auto& check_it) {
    try {
      check_it();
    } catch (const UsageError& error) {
      refuse(key, error.what());
    }
  };
  in("distill.stage", [&] { check_stage_texts(recipe.plan); });
  in("distill.view", [&] { check_views(recipe.plan); });
  in("distill.node", [&] { check_nodes(recipe.plan); });
  in("distill.random-widths", [&] { check_random_widths(recipe); });
  in("distill.edge", [&] { check_edges(recipe); });
  in("distill.stage", [&] { check_stages(recipe.plan); });
}

void validate(const DistillPlan& plan) {
  Recipe recipe;
  recipe.plan = plan;
  check_stage_texts(plan);
  check_views(plan);
  check_nodes(plan);
  check_edges(recipe);
  check_stages(plan);
}

void validate(const Recipe& recipe) {
  Recipe copy;
  for (const KeyRow& row : key_rows()) {
    if (row.is_list()) continue;
    for (const std::string& value : row.write(recipe)) {
      try {
        row.read(copy, value);
      } catch (const UsageError& error) {
        throw UsageError(recipe.name + ": " + row.full_name() + ": " + error.what());
      }
    }
  }
  check_recipe(recipe, {});
}

}  // namespace concertina
