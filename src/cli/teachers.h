// --teacher: the files behind a plan's external nodes.
#pragma once

#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"

#include "options.h"

namespace concertina::cli {

Option teacher_option();

// Writes --teacher NAME=SOURCE (or SOURCE alone when the plan has one external node) into the
// recipe: the absolute path, the sub-model, and the file's SHA-256. Throws UsageError,
// NoInputError.
void name_teachers(Recipe& recipe, const Options& options);

// The teachers that the recipe names, on `device`; `given`: how the trained net's images are
// normalised. Throws UsageError for a node that names none, NoInputError, and DataError when a file
// is not the one that the recipe was written with, or cannot teach.
Teachers open_teachers(const Recipe& recipe, const DataDescription& given, at::Device device);

}  // namespace concertina::cli
