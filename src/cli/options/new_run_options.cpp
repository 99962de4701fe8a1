#include "options/new_run_options.h"

#include <utility>

#include "options/run_options.h"
#include "start.h"

namespace concertina::cli {
namespace {

// Options that stand for a key of the recipe.
const std::vector<std::pair<const char*, const char*>> kKeys = {{"epochs", "train.epochs"},
                                                                {"batch", "train.batch"},
                                                                {"validation", "train.validation"},
                                                                {"widths", "net.widths"}};

std::vector<Option> recipe_options() {
  return {list_option("set", "KEY=VALUE", "a recipe key, such as optimizer.lr=0.1"),
          integer_option("epochs", {1, 100000}, "recipe key train.epochs"),
          integer_option("batch", {1, 65536}, "recipe key train.batch: images a step"),
          integer_option("validation", {0, 100000000},
                         "recipe key train.validation: training images held out"),
          text_option("widths", "\"W W 1\"", "recipe key net.widths, such as \"0.25 0.5 1\"")};
}

}  // namespace

std::vector<Option> new_run_options() {
  return {text_option("net", "NAME", "the network (see `concertina list nets`)"),
          list_option("net-option", "K=V", "an option of it (see `concertina show net NAME`)"),
          text_option("data", "NAME[:PATH]", "the images (see `concertina list data`)"),
          integer_option("limit", {0, 1000000000}, "use the first N images; 0 = all", "0")};
}

Option out_option() { return text_option("out", "RUN", "the folder to make and fill"); }

std::vector<Option> training_options(const std::vector<Option>& own) {
  return with(new_run_options(), {own,
                                  {teacher_option(), start_option()},
                                  recipe_options(),
                                  arithmetic_options(),
                                  {max_steps_option()},
                                  machine_options(),
                                  output_options()});
}

Overrides training_overrides(const Options& options) {
  Overrides result = options.list("set");
  for (const auto& [option, key] : kKeys) {
    if (options.given(option)) result.push_back(std::string(key) + "=" + options.text(option));
  }
  return result;
}

Option max_steps_option() {
  return integer_option("max-steps", {1, 1000000000}, "save and leave (75) after N steps");
}

std::int64_t max_steps(const Options& options) {
  return options.given("max-steps") ? options.integer("max-steps") : -1;
}

void refuse_old_run(const std::filesystem::path& folder) {
  try {
    experiment::refuse_old_run(folder);
  } catch (const UsageError&) {
    throw UsageError("folder \"" + folder.string() + "\" holds a run already; continue it with " +
                     "`concertina resume " + folder.string() + "`, or name another --out");
  }
}

experiment::NewRun new_run_setting(const Options& options, at::Device device) {
  experiment::NewRun setting;
  setting.net = options.needed("net");
  setting.net_options = options.list("net-option");
  setting.data = options.needed("data");
  setting.limit = options.integer("limit");
  setting.device = device;
  return setting;
}

experiment::NewRun new_training(const Options& options, at::Device device) {
  experiment::NewRun setting = new_run_setting(options, device);
  setting.engine = chosen_engine(options);
  setting.precision = chosen_precision(options);
  setting.start = options.text("start");
  return setting;
}

}  // namespace concertina::cli
