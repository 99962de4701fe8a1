// concertina list
#include <iostream>

#include "commands/commands.h"
#include "output/results.h"
#include "output/table.h"
#include "shell/catalogs.h"
#include "start.h"

namespace concertina::cli {
namespace {

int run(const Options& options) {
  const std::string& what = options.needed("WHAT");
  const std::vector<Entry> entries = what == "nets"      ? nets()
                                     : what == "recipes" ? recipes()
                                                         : data_sets();
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
