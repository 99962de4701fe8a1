// What train and resume share: the run of the trainer with its display, and how it ends.
#pragma once

#include <filesystem>

#include "concertina/train/trainer.h"

#include "options.h"

namespace concertina::cli {

// --max-steps
Option max_steps_option();

// Trains to the end, or to where it is told to stop; prints the result; gives the exit code. This
// process holds the folder's lock.
int train_and_report(RunState& state, const PreparedData& data, TrainSetting setting,
                     const Options& options);
// The newest evaluations of every sub-model, as a table or as JSON.
void print_training(const RunState& state, const std::filesystem::path& folder, bool json);

}  // namespace concertina::cli
