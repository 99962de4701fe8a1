// Where in its stage a step of a run is.
#include <algorithm>
#include <cmath>

#include "concertina/recipe/recipe.h"

namespace concertina {

StagePlace stage_of(const Recipe& recipe, std::int64_t step, std::int64_t steps_per_epoch) {
  const std::int64_t total = recipe.epochs * steps_per_epoch;
  const std::vector<PlanStage>& stages = recipe.plan.stages;
  if (stages.empty()) return {0, 0, total};
  double all = 0;
  for (const PlanStage& stage : stages) all += stage.share;
  StagePlace place;
  double past = 0;
  for (std::size_t k = 0; k < stages.size(); ++k) {
    past += stages[k].share;
    const std::int64_t end = std::llround(past / all * static_cast<double>(total));
    place = {static_cast<int>(k), place.first + place.count, 0};
    place.count = end - place.first;
    if (step < end) break;
  }
  return place;
}

double learning_rate(const Recipe& recipe, std::int64_t step, std::int64_t steps_per_epoch) {
  const StagePlace place = stage_of(recipe, step, steps_per_epoch);
  const double rate = recipe.lr.at(step - place.first, place.count, steps_per_epoch);
  return recipe.plan.stages.empty()
             ? rate
             : rate * recipe.plan.stages[static_cast<std::size_t>(place.index)].lr;
}

PlanStep plan_step(const Recipe& recipe, const std::vector<Width>& listed, int exits,
                   std::int64_t step, std::int64_t steps_per_epoch) {
  const StagePlace stage = stage_of(recipe, step, steps_per_epoch);
  const auto done = static_cast<double>(step - stage.first);
  PlanStep place;
  place.active = active_widths(recipe, listed, step);
  place.exits = exits;
  place.stage = stage.index;
  place.now.epoch = done / static_cast<double>(steps_per_epoch);
  place.now.share = stage.count == 0 ? 0 : done / static_cast<double>(stage.count);
  place.seed = recipe.seed;
  place.step = step;
  return place;
}

}  // namespace concertina
