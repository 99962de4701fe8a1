// Training a run from its start or from where it was left, with everything it keeps: run.h5 (the
// whole state), best.h5 (the epoch that is best for the family) and metrics.jsonl in the run
// folder. A run that was interrupted and resumed ends in the same run.h5, byte for byte, on the
// same machine with the same threads and LibTorch.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "concertina/distill/auxiliary_modules.h"
#include "concertina/eval/evaluate.h"
#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"
#include "concertina/train/run_state.h"

namespace concertina {

// What a step's watcher sees. Losses are means since the last epoch's end.
struct StepProgress {
  std::int64_t epoch = 0;  // being trained, from 1
  std::int64_t epochs = 0;
  std::int64_t step = 0;   // done in this epoch
  std::int64_t steps = 0;  // an epoch
  std::int64_t batch = 0;  // images a step
  double learning_rate = 0;
  std::vector<std::pair<std::string, double>> losses;  // sub-model id, mean loss; smallest first
};

struct EpochProgress {
  std::int64_t epoch = 0;  // finished
  std::int64_t epochs = 0;
  double seconds = 0;
  std::string split;  // "validation" or, when nothing is held out, "train"
  std::vector<Evaluation> evaluations;
  bool is_best = false;  // for the family
};

// Each may be empty.
struct TrainWatcher {
  std::function<void(const StepProgress&)> on_step;
  std::function<void(const EpochProgress&)> on_epoch;
  std::function<bool()> stop;  // asked before every step; true = save the state and leave
};

enum class TrainEnd {
  finished,
  interrupted,  // TrainWatcher::stop said so; the state is saved
  step_limit,   // max_steps reached; the state is saved
};

struct TrainSetting {
  std::filesystem::path folder;  // exists, and this process holds its lock
  at::Device device = at::kCPU;
  std::int64_t max_steps = -1;  // leave after so many steps of this call; -1 = no limit
  Teachers teachers;            // of the plan's external nodes
};

// The first state of a run: a fresh net, nothing trained; `device`, `engine` and `precision` are
// those it will be trained on and with. Throws UsageError when the recipe's plan leaves a sub-model
// of the net untaught, a teacher is missing, or the engine cannot compute it there so.
RunState new_run(const NetSpec& net, const Recipe& recipe, const PreparedData& data,
                 at::Device device, Engine engine = Engine::automatic,
                 Precision precision = Precision::fp32, const Teachers& teachers = {});

// Trains `state` to its recipe's end, saving it at the start, every checkpoint_every epochs, at the
// end and when it has to leave. Throws DivergedError (the last complete checkpoint stays), IoError.
TrainEnd train(RunState& state, const PreparedData& data, const TrainSetting& setting,
               const TrainWatcher& watcher);

// Evaluations as a run keeps them.
std::vector<Evaluation> as_evaluations(const NetSpec& net, const std::vector<Score>& scores,
                                       std::int64_t epoch, const std::string& split);

}  // namespace concertina
