#include "shell/catalogs.h"

#include "concertina/data/catalog.h"
#include "concertina/nets/catalog.h"
#include "concertina/recipe/recipe.h"

#include "options/run_options.h"

namespace concertina::cli {

std::vector<Entry> nets() {
  std::vector<Entry> entries;
  for (const NetEntry& net : net_catalog()) entries.push_back({net.name, net.summary});
  return entries;
}

std::vector<Entry> recipes() {
  std::vector<Entry> entries;
  const std::filesystem::path folder = recipe_folder();
  for (const std::string& name : recipe_names(folder)) {
    entries.push_back({name, load_recipe(name, folder).summary});
  }
  return entries;
}

std::vector<Entry> data_sets() {
  std::vector<Entry> entries;
  for (const DatasetEntry& data : dataset_catalog()) entries.push_back({data.name, data.summary});
  return entries;
}

}  // namespace concertina::cli
