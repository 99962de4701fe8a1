// Tensors to and from a group: one dataset each, in the list's order. Private to the room.
#pragma once

#include "concertina/spec/resolve.h"
#include "concertina/store/run_file.h"

#include "object_reader.h"
#include "object_writer.h"

namespace concertina::h5 {

void write_tensors(const Group& group, const Tensors& tensors);

// Momentum has shapes of the trainer's choice: anything of at most 4 dimensions.
Tensors read_tensors(const StoredGroup& group);
// Throws Fault unless every name is "<layer>/<parameter>" of the resolved net and every shape is
// what that layer has there; a shape is checked before memory is taken for it.
Tensors read_tensors(const StoredGroup& group, const NetSpec& net, const ResolvedNet& resolved);

}  // namespace concertina::h5
