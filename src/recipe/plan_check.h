// What no single line of a plan can check. Files of this room only; all throw UsageError.
#pragma once

#include "concertina/recipe/recipe.h"

namespace concertina {

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
