// --teacher: the files behind a plan's external nodes.
#pragma once

#include <vector>

#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"

#include "options.h"

namespace concertina::cli {

Option teacher_option();

// Writes every --teacher NAME=SOURCE into the recipes that have an external node of that name, and
// SOURCE alone into those that have just one: the absolute path, the sub-model, and the file's
// SHA-256. Throws UsageError when no recipe has it, NoInputError.
void name_teachers(const std::vector<Recipe*>& recipes, const Options& options);

// Throws UsageError for an external node without a source.
void require_teachers(const Recipe& recipe);

// The teachers that the recipe names, on `device`; `given`: how the trained net's images are
// normalized. Throws UsageError for a node that names none, NoInputError, and DataError when a file
// is not the one that the recipe was written with, or cannot teach.
Teachers open_teachers(const Recipe& recipe, const DataDescription& given, at::Device device);

}  // namespace concertina::cli
