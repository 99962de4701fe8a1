// What a run is before its first step.
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/nn/prune.h"
#include "concertina/train/sgd.h"
#include "concertina/train/trainer.h"

namespace concertina {
namespace {

void check_plan(const NetSpec& net, const Recipe& recipe, const std::vector<Width>& widths) {
  const PlanStep first = plan_step(recipe, widths, net.exit_count());
  recipe.plan.check_members(first);
  if (const auto subnet = recipe.plan.untaught(first)) {
    throw UsageError("recipe \"" + recipe.name + "\" has no edge that teaches sub-model " +
                     subnet_id(net, *subnet) + " of net \"" + net.name + "\"");
  }
  for (const PlanStage& stage : recipe.plan.stages) {
    if (stage.prune > 0) check_prunable(net);
  }
  if (recipe.random_widths >= 0 && any_quantized(widths)) {
    throw UsageError("recipe \"" + recipe.name + "\" draws widths, which have no bits; net \"" +
                     net.name + "\" lists " + widths_text(widths));
  }
}

// A recipe may name the layers of several nets. Throws UsageError when no word is the beginning of
// a layer that learns, and warns of one that is not.
void check_layers(const Sgd& sgd, const PlanStage& stage) {
  const std::vector<std::string> layers = sgd.layers();
  const auto is_there = [&](const std::string& word) {
    return std::any_of(layers.begin(), layers.end(),
                       [&](const std::string& layer) { return layer.rfind(word, 0) == 0; });
  };
  const std::vector<std::string>& words = stage.train;
  if (!words.empty() && std::none_of(words.begin(), words.end(), is_there)) {
    throw UsageError("stage \"" + stage.name +
                     "\" trains nothing: " + unknown_message("layer", words.front(), layers));
  }
  for (const std::string& word : words) {
    if (is_there(word)) continue;
    log_warn("stage \"" + stage.name + "\": no layer that learns begins with \"" + word + "\"");
  }
}

}  // namespace

RunState new_run(const NetSpec& net, const Recipe& recipe, const PreparedData& data,
                 at::Device device, Engine engine, Precision precision, const Teachers& teachers) {
  RunState state;
  state.net = net;
  validate(recipe);
  check_plan(net, recipe, recipe.widths.empty() ? net.widths : recipe.widths);
  state.recipe = print_recipe(recipe);
  state.widths = recipe.widths.empty() ? net.widths : recipe.widths;
  state.data = data.description;
  state.seed = recipe.seed;
  for (const Subnet& subnet : all_subnets(net, state.widths)) {
    state.submodels.push_back({subnet, {}});
  }
  FlexibleNet fresh(net, state.widths, net_settings(recipe), recipe.seed, device);
  fresh.set_engine(engine, precision);
  state.environment = environment_text(device, fresh.engine(), precision);
  const AuxiliaryModules parts(recipe.plan, net, plan_step(recipe, state.widths, net.exit_count()),
                               teachers, device);
  Sgd sgd(trained_parameters(fresh, parts), recipe);
  for (const PlanStage& stage : recipe.plan.stages) check_layers(sgd, stage);
  capture(fresh, parts, sgd, state);
  return state;
}

}  // namespace concertina
