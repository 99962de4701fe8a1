// The table of keys: one row drives parsing, ranges, printing, help and docs/recipes.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "concertina/recipe/recipe.h"

namespace concertina {

struct KeyRow {
  RecipeKey key;
  bool list = false;  // may be repeated; every value is appended
  // Throws UsageError that says what was expected and found, without the place.
  std::function<void(Recipe&, const std::string&)> read;
  // One text for every line to print.
  std::function<std::vector<std::string>(const Recipe&)> write;

  std::string full_name() const { return key.section + "." + key.name; }
};

const std::vector<KeyRow>& key_rows();

// What a recipe that extends nothing starts from.
Recipe default_recipe();

}  // namespace concertina
