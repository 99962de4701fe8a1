// What the commands that train share: the run of the trainer with its display, and how it ends.
#pragma once

#include <filesystem>

#include "concertina/train/trainer.h"

#include "options.h"

namespace concertina::cli {

// --max-steps
Option max_steps_option();

// Warns of what decides a run's bytes and is not what it was when the run began.
void warn_of_changes(const RunState& state, at::Device device);

// --max-steps, or -1.
std::int64_t max_steps(const Options& options);
// How to train the run in `folder`, with the teachers that its recipe names.
TrainSetting train_setting(const RunState& state, const std::filesystem::path& folder,
                           at::Device device, const Options& options);
// Trains to the end, or to where it is told to stop, with the bar and a line of the log for every
// epoch. This process holds the folder's lock, and a SignalGuard. `run` stands in front of the bar.
TrainEnd train_with_bar(RunState& state, const PreparedData& data, const TrainSetting& setting,
                        const Options& options, const std::string& run = "");
// "after epoch 1, step 7; the state is saved"
std::string where_saved(const RunState& state);

// All of it for one run: trains; prints the result; gives the exit code. This process holds the
// folder's lock.
int train_and_report(RunState& state, const PreparedData& data, const std::filesystem::path& folder,
                     at::Device device, const Options& options);
// The newest evaluations of every sub-model, as a table or as JSON.
void print_training(const RunState& state, const std::filesystem::path& folder, bool json);

}  // namespace concertina::cli
