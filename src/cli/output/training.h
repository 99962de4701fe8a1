// How a training is shown: the bar, the lines of the log, the result.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "concertina/train/trainer.h"

#include "options/options.h"

namespace concertina::cli {

// The bar of a training. `run` stands in front of it. It ends with the last watcher.
class TrainingBar {
 public:
  explicit TrainingBar(bool quiet, std::string run = "");
  // Stops the training after a signal, for which a SignalGuard lives.
  TrainWatcher watcher() const;

 private:
  class Display;
  std::shared_ptr<Display> display_;
};

// "after epoch 1, step 7; the state is saved"
std::string where_saved(const RunState& state);
// Prints the result of a training that has ended; gives the exit code. A SignalGuard still lives.
int report_training(const RunState& state, TrainEnd end, const std::filesystem::path& folder,
                    const Options& options);
// The newest evaluations of every sub-model, as a table or as JSON.
void print_training(const RunState& state, const std::filesystem::path& folder, bool json);

}  // namespace concertina::cli
