// Trains a small slimmable network, measures every width, chooses the most accurate one that fits a
// budget, and writes it as an ONNX file: train_and_ship SCHEDULES FOLDER
#include <iostream>

#include <concertina/experiment/export_run.h>
#include <concertina/experiment/new_run.h>
#include <concertina/experiment/sweep.h>
#include <concertina/select/select.h>

int main(int, char** arguments) {
  using namespace concertina;
  const std::string schedules = arguments[1], folder = arguments[2];

  experiment::NewRun setting;
  setting.net = "slimmable-mobilenet-v1-tiny";
  setting.data = "shapes";  // generated images; "cifar10:DIR" are real ones
  setting.limit = 400;
  const Recipe recipe = experiment::find_recipe("quick", schedules, {"train.epochs=2"});
  TrainWatcher watcher;
  watcher.on_epoch = [](const EpochProgress& epoch) {
    std::cout << "epoch " << epoch.epoch << " of " << epoch.epochs << "\n";
  };
  experiment::train_new_run(setting, recipe, folder, watcher);

  experiment::LockedRun run(folder);
  const PreparedData data = experiment::data_of_run(run.state, run.recipe);
  experiment::SweepRequest request;
  request.split = "validation";  // the test images choose nothing
  const Sweep sweep = experiment::sweep(run, data, request).sweep;

  Budget budget;
  budget.max_macs = 600e3;
  const Measurement choice = choose(sweep.rows, budget);

  experiment::ExportRequest export_request;
  export_request.subnet = choice.subnet;
  export_request.format = deploy::Format::onnx;
  export_request.file = folder + "/small.onnx";
  const experiment::ExportedFile file = experiment::export_submodel(experiment::OpenedRun(folder), data, export_request);
  std::cout << choice.id << ": " << file.params << " parameters in " << file.file << "\n";
}
