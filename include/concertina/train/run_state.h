// Between a run's file and the objects that train: building the net of a run, and copying state in
// and out of it.
#pragma once

#include <string>

#include "concertina/distill/auxiliary_modules.h"
#include "concertina/eval/calibrate.h"
#include "concertina/feed/dataset.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/recipe/recipe.h"
#include "concertina/store/run_file.h"
#include "concertina/train/sgd.h"

namespace concertina {

NetSettings net_settings(const Recipe& recipe);
CalibrationSetting calibration_setting(const Recipe& recipe);

// The net of a run with its weights and statistics, on `device`, computed by the engine that the
// run began with (on another device than the CPU always plain), in float32. Throws DataError when
// the file's tensors are not the net's.
FlexibleNet net_of_run(const RunState& state, const Recipe& recipe, at::Device device);
// The stored best checkpoint of a sub-model as an ordinary small net (one width, one exit).
// Throws UsageError when there is none.
FlexibleNet best_of_run(const RunState& state, const SubnetState& submodel, at::Device device);

// Copies weights, norms and their statistics into a net of the same spec and widths.
void copy_state(const FlexibleNet& from, FlexibleNet& to);

// All that the optimizer moves: the net's parameters, then the plan's.
std::vector<Parameter> trained_parameters(const FlexibleNet& net, const AuxiliaryModules& parts);

// Copies weights, norms, the plan's learned tensors and the momentum of the objects into the state,
// on the CPU.
void capture(const FlexibleNet& net, const AuxiliaryModules& parts, const Sgd& sgd,
             RunState& state);
// A snapshot of the state as an ordinary small net (one width, one exit).
FlexibleNet net_of_snapshot(const RunState& state, const SnapshotState& copy, at::Device device);

// Copies the state's tensors into the objects. Throw DataError when names or shapes differ.
void restore(const RunState& state, AuxiliaryModules& parts);
void restore_momentum(const RunState& state, Sgd& sgd);

// A sub-model's weights and norms as they would ship.
BestState snapshot(const FlexibleNet& net, const Subnet& subnet);

// The dataset's parts as a run uses them: limited, validation held out, statistics of the training
// part. `validation` is cut to a fifth of the training images.
struct PreparedData {
  Split train, validation, test;
  Split original;  // the training part as the data set has it, where the recipe's sensor is another
  PixelStatistics statistics;
  DataDescription description;
};
PreparedData prepare_data(Dataset dataset, const std::string& argument, std::int64_t limit,
                          const Recipe& recipe);
// The same for a run that exists. Throws DataError when the data are not what the run was fed.
PreparedData prepare_data(Dataset dataset, const RunState& state, const Recipe& recipe);

// "threads = 2" and so on: what else decides a run's bytes. `engine`: plain or fused.
std::string environment_text(at::Device device, Engine engine, Precision precision);
// What such a text names; plain and fp32 when it names none.
Engine recorded_engine(const std::string& environment);
Precision recorded_precision(const std::string& environment);

}  // namespace concertina
