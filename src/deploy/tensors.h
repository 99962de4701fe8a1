// Named tensors into a net. Private to the room.
#pragma once

#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/store/run_file.h"

namespace concertina::deploy {

// Copies by name. Throws DataError when a tensor is missing, too many, or of another shape.
void load_tensors(const Tensors& from, const std::vector<Parameter>& to);

}  // namespace concertina::deploy
