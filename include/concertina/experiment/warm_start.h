// A new run whose first weights are another run's.
#pragma once

#include <string>

#include "concertina/store/run_file.h"

namespace concertina::experiment {

// Copies every weight and norm of the run that has the same name and shape into `state`, and notes
// the file's SHA-256 in its environment. Throws NoInputError, DataError, and UsageError when
// nothing fits.
void start_from(const std::string& run, RunState& state);

}  // namespace concertina::experiment
