// concertina show
#include <algorithm>
#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/nets/catalog.h"
#include "concertina/recipe/recipe.h"
#include "concertina/recipe/step_order.h"

#include "commands/commands.h"
#include "options/run_options.h"
#include "output/results.h"
#include "output/table.h"
#include "start.h"

namespace concertina::cli {
namespace {

// The order of a step in each stage. Of widths that are drawn it shows those of the first step.
std::string orders_text(const Recipe& recipe, const NetSpec& net) {
  PlanStep step =
      plan_step(recipe, recipe.widths.empty() ? net.widths : recipe.widths, net.exit_count());
  const std::vector<PlanStage>& stages = recipe.plan.stages;
  recipe.plan.check_members(step);
  std::string text;
  for (step.stage = 0; step.stage < std::max(1, static_cast<int>(stages.size())); ++step.stage) {
    if (!stages.empty()) {
      text += "stage " + stages[static_cast<std::size_t>(step.stage)].name + "\n";
    }
    text += order_text(net, recipe.plan, compile_step(recipe.plan, step));
  }
  return text;
}

void show_order(const std::string& name, const std::string& net, bool json) {
  const Recipe recipe = find_recipe(name);
  const std::string text = orders_text(recipe, make_net(net, {}, {}));
  if (!json) {
    std::cout << text;
    return;
  }
  std::vector<std::string> lines = split(text, '\n');
  lines.pop_back();  // the text ends with a line's end
  print_json({{"name", recipe.name}, {"net", net}, {"order", lines}});
}

void show_recipe(const std::string& name, bool json) {
  const Recipe recipe = find_recipe(name);
  if (!json) {
    std::cout << print_recipe(recipe);
    return;
  }
  print_json({{"name", recipe.name}, {"summary", recipe.summary}, {"text", print_recipe(recipe)}});
}

const NetEntry& find_net(const std::string& name) {
  std::vector<std::string> known;
  for (const NetEntry& net : net_catalog()) {
    if (net.name == name) return net;
    known.push_back(net.name);
  }
  throw NoInputError(unknown_message("net", name, known));
}

void show_net(const std::string& name, bool json) {
  const NetEntry& net = find_net(name);
  if (json) {
    Json options = Json::array();
    for (const NetOption& option : net.options) {
      options.push_back(
          {{"name", option.name}, {"default", option.fallback}, {"help", option.help}});
    }
    print_json({{"name", net.name}, {"summary", net.summary}, {"options", options}});
    return;
  }
  TextTable table({"option", "default", "meaning"});
  for (const NetOption& option : net.options) {
    table.add({option.name, option.fallback, option.help});
  }
  std::cout << net.name << ": " << net.summary << "\n" << table.text();
}

void show_keys(bool json) {
  if (json) {
    Json keys = Json::array();
    for (const RecipeKey& key : recipe_keys()) {
      keys.push_back({{"key", key.section + "." + key.name},
                      {"type", key.type},
                      {"range", key.range},
                      {"unit", key.unit},
                      {"default", key.fallback},
                      {"help", key.help}});
    }
    print_json(keys);
    return;
  }
  TextTable table({"key", "type", "default", "unit", "meaning"});
  for (const RecipeKey& key : recipe_keys()) {
    table.add({key.section + "." + key.name, key.type, key.fallback, key.unit, key.help});
  }
  std::cout << table.text();
}

int run(const Options& options) {
  const std::string& what = options.needed("WHAT");
  const bool json = options.flag("json");
  const bool order = options.flag("order");
  if (order && what != "recipe") {
    throw UsageError("--order is for concertina show recipe" + options.see_help());
  }
  if (what == "keys") {
    if (options.given("NAME")) {
      throw UsageError("concertina show keys takes no name" + options.see_help());
    }
    show_keys(json);
  } else if (what == "net") {
    show_net(options.needed("NAME"), json);
  } else if (order) {
    show_order(options.needed("NAME"), options.text("net"), json);
  } else {
    show_recipe(options.needed("NAME"), json);
  }
  return 0;
}

}  // namespace

Command show_command() {
  return {"show",
          "one recipe in full, the options of a network, or the keys of recipes",
          {positional("WHAT", "recipe, net or keys", {"recipe", "net", "keys"}),
           positional("NAME", "which recipe (its file or a run that has it will do) or network"),
           flag_option("order", "of a recipe: what a step runs, adds and sends backward, in order"),
           text_option("net", "NAME", "with --order: the network", "slimmable-mobilenet-v1"),
           json_option()},
          {"concertina show recipe ipkd-ta", "concertina show recipe ipkd-ta --order",
           "concertina show net msdnet"},
          &run};
}

}  // namespace concertina::cli
