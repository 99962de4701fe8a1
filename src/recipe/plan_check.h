// Checks of a plan that no single line of its text can make. Files of this room only; every
// function throws UsageError.
#pragma once

#include <map>
#include <string>

#include "concertina/recipe/recipe.h"

namespace concertina {

// The place in a file or on a command line where each key was set, by the key's full name.
using Places = std::map<std::string, std::string>;
// Checks what no single key can check, and names the place of the key at fault.
void check_recipe(const Recipe& recipe, const Places& places);

// Check each stage and view as if it stood in a recipe.
void check_stage_texts(const DistillPlan& plan);
void check_views(const DistillPlan& plan);
// Nodes that are used as they cannot be.
void check_nodes(const DistillPlan& plan);
// What does not go with widths that are drawn.
void check_random_widths(const Recipe& recipe);
// Snapshots that teach before they are taken, and what a cut would take the channels from.
void check_stages(const DistillPlan& plan);
// Sub-models that nobody teaches. Which widths and exits there are is known with the net only; four
// widths stand for them.
void check_edges(const Recipe& recipe);

}  // namespace concertina
