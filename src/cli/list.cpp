// concertina list
#include <iostream>
#include <utility>

#include "concertina/data/catalogue.h"
#include "concertina/nets/catalogue.h"
#include "concertina/recipe/recipe.h"

#include "commands.h"
#include "results.h"
#include "runs.h"
#include "start.h"
#include "table.h"

namespace concertina::cli {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;  // name, summary

Entries nets() {
  Entries entries;
  for (const NetEntry& net : net_catalogue()) entries.emplace_back(net.name, net.summary);
  return entries;
}

Entries recipes() {
  Entries entries;
  const std::filesystem::path folder = recipe_folder();
  for (const std::string& name : recipe_names(folder)) {
    entries.emplace_back(name, load_recipe(name, folder).summary);
  }
  return entries;
}

Entries data() {
  Entries entries;
  for (const DatasetEntry& data : dataset_catalogue()) {
    entries.emplace_back(data.name, data.summary);
  }
  return entries;
}

int run(const Options& options) {
  const std::string& what = options.needed("WHAT");
  const Entries entries = what == "nets" ? nets() : what == "recipes" ? recipes() : data();
  if (options.flag("json")) {
    Json json = Json::array();
    for (const auto& [name, summary] : entries) {
      json.push_back({{"name", name}, {"summary", summary}});
    }
    print_json(json);
    return 0;
  }
  TextTable table({"name", "summary"});
  for (const auto& [name, summary] : entries) table.add({name, summary});
  std::cout << table.text();
  return 0;
}

}  // namespace

Command list_command() {
  return {"list",
          "the networks, recipes or data sets that can be named",
          {positional("WHAT", "nets, recipes or data", {"nets", "recipes", "data"}), json_option()},
          {"concertina list nets"},
          &run};
}

}  // namespace concertina::cli
