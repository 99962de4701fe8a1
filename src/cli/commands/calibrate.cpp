// concertina calibrate
#include <iostream>

#include "concertina/experiment/calibrate_run.h"

#include "commands/commands.h"
#include "options/run_options.h"
#include "output/results.h"
#include "start.h"

namespace concertina::cli {
namespace {

int run(const Options& options) {
  const at::Device device = start(options);
  experiment::LockedRun run(options.needed("RUN"));
  const Width width = Width::parse(options.needed("width"));
  experiment::check_calibration(run, width);  // before the images are read
  const PreparedData data = data_of_run(run.state, run.recipe, options);
  std::optional<std::int64_t> given;
  if (options.given("images")) given = options.integer("images");
  const std::int64_t images = experiment::calibrate_run(run, data, width, device, given);
  if (options.flag("json")) {
    print_json({{"run", run.folder.string()}, {"width", width_json(width)}, {"images", images}});
  } else {
    std::cout << "width " << width.text() << " calibrated on " << images << " images\n";
  }
  return 0;
}

}  // namespace

Command calibrate_command() {
  return {"calibrate",
          "measure the norm statistics of a width, of runs with shared norms (net.norm)",
          with({positional("RUN", "the run folder"),
                text_option("width", "W",
                            "which width, such as 0.35, or a share a stage: 0.5,0.75,1; need not "
                            "be in the recipe"),
                integer_option("images", {1, 100000000},
                               "training images; without it, distill.calibration-images"),
                data_option()},
               {machine_options(), output_options()}),
          {"concertina calibrate runs/us1 --width 0.35"},
          &run};
}

}  // namespace concertina::cli
