// Which file of a run folder a sweep is in: sweep.h5, or sweep-best.h5 of the best checkpoints.
#pragma once

namespace concertina::cli {

inline const char* sweep_name(bool best) { return best ? "sweep-best.h5" : "sweep.h5"; }

}  // namespace concertina::cli
