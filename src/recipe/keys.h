// The table of keys: one row drives parsing, ranges, printing, help and docs/recipes.md.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "concertina/recipe/recipe.h"

namespace concertina {

struct KeyRow {
  RecipeKey key;
  // Of a key that may be repeated, empties its list: the first value of a recipe replaces those
  // inherited. Null for every other key.
  std::function<void(Recipe&)> clear;
  // Throws UsageError that says what was expected and found, without the place.
  std::function<void(Recipe&, const std::string&)> read;
  // One text for every line to print.
  std::function<std::vector<std::string>(const Recipe&)> write;

  bool is_list() const { return clear != nullptr; }
  std::string full_name() const { return key.section + "." + key.name; }
};

const std::vector<KeyRow>& key_rows();

// What a recipe that extends nothing starts from.
Recipe default_recipe();

}  // namespace concertina
