// Making a new run: its images, its net, and its state before the first step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "concertina/experiment/run_folder.h"
#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"
#include "concertina/train/trainer.h"

namespace concertina::experiment {

// Everything a new run is made of, besides its recipe.
struct NewRun {
  std::string net;                       // of the catalog: "slimmable-mobilenet-v1"
  std::vector<std::string> net_options;  // "K=V"
  std::string data;                      // "NAME" or "NAME:PATH", of the catalog of data sets
  std::int64_t limit = 0;                // the first so many images of each split; 0 = all
  at::Device device = at::kCPU;
  Engine engine = Engine::automatic;
  Precision precision = Precision::fp32;
  std::string start;  // a run whose weights this one begins with, where names and shapes agree
};

// Throws UsageError when the folder holds a run.
void refuse_old_run(const std::filesystem::path& folder);
// Throws UsageError and NoInputError for a net, or an option of it, that does not exist. Needs no
// images, so it comes first.
void check_net(const NewRun& setting);
// The images, checked; what was found goes to the log. Throws as read_dataset().
Dataset read_images(const NewRun& setting);
// Reads the images and splits them as a run of this recipe does.
PreparedData load_data(const NewRun& setting, const Recipe& recipe);
// The net, with as many classes and image channels and of the image size that the data have.
NetSpec build_net(const NewRun& setting, const PreparedData& data);
// The run before its first step: its teachers are opened, the filters of its plan chosen and its
// first weights copied, where it has any of these. Throws UsageError, NoInputError and DataError.
RunState first_state(const NewRun& setting, const NetSpec& net, const Recipe& recipe,
                     const PreparedData& data);
// Logs who learns from whom, one line per student.
void log_plan(const NetSpec& net, const Recipe& recipe);

// All of it: makes the folder, locks it, trains and keeps the run there. A folder that holds a run
// is refused. `max_steps`: see TrainSetting.
struct Trained {
  RunState state;
  TrainEnd end = TrainEnd::finished;
};
Trained train_new_run(const NewRun& setting, const Recipe& recipe,
                      const std::filesystem::path& folder, const TrainWatcher& watcher = {},
                      std::int64_t max_steps = -1);

// How to train the run in `folder`, with the teachers that its recipe names.
TrainSetting train_setting(const RunState& state, const std::filesystem::path& folder,
                           at::Device device, std::int64_t max_steps = -1);
// Logs a warning for everything that decides a run's bytes and is not what it was when the run
// began.
void warn_of_changes(const RunState& state, at::Device device);

}  // namespace concertina::experiment
