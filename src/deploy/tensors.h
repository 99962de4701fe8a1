// Named tensors into a net and out of it. Private to the room.
#pragma once

#include <vector>

#include "concertina/nn/flexible_net.h"
#include "concertina/store/run_file.h"

namespace concertina::deploy {

// Copies, on the CPU.
Tensors stored(const std::vector<Parameter>& parameters);

// Copies by name. Throws DataError when a tensor is missing, too many, or of another shape.
void load_tensors(const Tensors& from, const std::vector<Parameter>& to);

}  // namespace concertina::deploy
