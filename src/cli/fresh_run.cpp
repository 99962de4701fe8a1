#include "fresh_run.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/data/catalogue.h"
#include "concertina/nets/catalogue.h"

#include "runs.h"

namespace concertina::cli {
namespace {

std::string numbers(const std::vector<float>& values) {
  std::vector<std::string> parts;
  for (const float value : values) parts.push_back(format_fixed(static_cast<double>(value), 4));
  return join(parts, " ");
}

void log_self_check(const Dataset& dataset) {
  const SelfCheck check = self_check(dataset);
  const auto [least, most] =
      std::minmax_element(check.class_counts.begin(), check.class_counts.end());
  log_info("data: " + std::to_string(dataset.train.size()) + " training and " +
           std::to_string(dataset.test.size()) + " test images, " +
           std::to_string(dataset.channels()) + "x" + std::to_string(dataset.height()) + "x" +
           std::to_string(dataset.width()) + ", " + std::to_string(dataset.classes.size()) +
           " classes of " + std::to_string(*least) +
           (*least == *most ? "" : " to " + std::to_string(*most)) + " training images");
  log_info("data: mean " + numbers(check.statistics.mean) + ", deviation " +
           numbers(check.statistics.deviation) + ", " + std::to_string(check.duplicates) +
           " test images also in train");
  for (const std::string& warning : check.warnings) log_warn("data: " + warning);
}

}  // namespace

std::vector<Option> fresh_run_options() {
  return {text_option("net", "NAME", "the network (see `concertina list nets`)"),
          list_option("net-option", "K=V", "an option of it (see `concertina show net NAME`)"),
          text_option("data", "NAME[:PATH]", "the images (see `concertina list data`)"),
          text_option("out", "RUN", "the folder to make and fill"),
          integer_option("limit", {0, 1000000000}, "use the first N images; 0 = all", "0")};
}

void refuse_old_run(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "run.h5", ignored)) return;
  throw UsageError("folder \"" + folder.string() + "\" holds a run already; continue it with " +
                   "`concertina resume " + folder.string() + "`, or name another --out");
}

PreparedData load_data(const Options& options, const Recipe& recipe) {
  const std::string argument = absolute_data(options.needed("data"));
  Dataset dataset = read_dataset(argument);
  const std::int64_t count = options.integer("limit");
  limit(dataset, count);
  log_self_check(dataset);
  PreparedData data = prepare_data(std::move(dataset), argument, count, recipe);
  log_info("data: " + std::to_string(data.train.size()) + " images to train on, " +
           std::to_string(data.validation.size()) + " held out for validation");
  return data;
}

NetSpec build_net(const Options& options, const PreparedData& data) {
  NetInput input;
  input.classes = static_cast<int>(data.description.classes.size());
  input.channels = static_cast<int>(data.train.images.size(1));
  input.height = static_cast<int>(data.train.images.size(2));
  input.width = static_cast<int>(data.train.images.size(3));
  return make_net(options.needed("net"), input, options.list("net-option"));
}

}  // namespace concertina::cli
