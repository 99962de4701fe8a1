// A run made of weights that another program trained.
#pragma once

#include "concertina/experiment/foreign_weights.h"
#include "concertina/experiment/new_run.h"

namespace concertina::experiment {

// The run of the file's tensors: finished, after no epoch of ours; it holds no image out, because
// nobody knows what the file was trained on. `sha256`: of the file, kept in the environment. Throws
// as ForeignWeights::copy_into().
RunState import_weights(const ForeignWeights& weights, const NetSpec& net, const Recipe& recipe,
                        const PreparedData& data, const std::string& sha256, at::Device device);

}  // namespace concertina::experiment
