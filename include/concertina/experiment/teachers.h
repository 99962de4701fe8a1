// The files behind the external nodes of a plan.
#pragma once

#include <string>
#include <vector>

#include "concertina/distill/teacher.h"
#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"

namespace concertina::experiment {

// `sources` are "NAME=SOURCE" or "SOURCE". Writes every source into the recipes that have an
// external node of that name, or without a name, into those that have just one: the absolute path,
// the sub-model, and the file's SHA-256. A source is a run, an exported .h5 or a TorchScript file;
// ':' and a sub-model may follow. Throws UsageError when no recipe has the node, NoInputError.
void name_teachers(const std::vector<Recipe*>& recipes, const std::vector<std::string>& sources);

// Throws UsageError for an external node without a source.
void require_teachers(const Recipe& recipe);

// The teachers that the recipe names, on `device`. `given` says how the trained net's images are
// normalized. Throws UsageError for a node that names none, NoInputError, and DataError when a file
// is not the one that the recipe was written with, or cannot teach.
Teachers open_teachers(const Recipe& recipe, const DataDescription& given, at::Device device);

}  // namespace concertina::experiment
