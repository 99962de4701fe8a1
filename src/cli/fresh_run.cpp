#include "fresh_run.h"

#include <algorithm>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/data/catalog.h"
#include "concertina/distill/partition.h"
#include "concertina/eval/evaluate.h"
#include "concertina/nets/catalog.h"
#include "concertina/train/trainer.h"

#include "runs.h"
#include "start.h"
#include "start_weights.h"
#include "teachers.h"
#include "training.h"

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

constexpr std::int64_t kPartitionBatches = 8;  // of kEvaluationBatch images

// What the plan's teachers do on the first training images decides which filters are a part.
void settle_filters(DistillPlan& plan, const Teachers& teachers, const PreparedData& data,
                    at::Device device) {
  if (plan.names().filters.empty()) return;
  const EvalLoader loader(data.train, data.statistics, kEvaluationBatch, device);
  std::vector<at::Tensor> images;
  for (std::int64_t k = 0; k < std::min(kPartitionBatches, loader.batches()); ++k) {
    images.push_back(loader.get(k).images);
  }
  choose_filters(plan, teachers, at::cat(images));
  for (const PlanNode& node : plan.nodes) {
    if (node.kind != NodeKind::filters) continue;
    std::vector<std::string> sizes;
    for (const auto& part : node.channels) sizes.push_back(std::to_string(part.size()));
    log_info("plan: " + node.name + ": " + join(sizes, "-") + " filters of " +
             node.of.front().node + "'s " + node.tap);
  }
}

}  // namespace

std::vector<Option> fresh_run_options() {
  return {text_option("net", "NAME", "the network (see `concertina list nets`)"),
          list_option("net-option", "K=V", "an option of it (see `concertina show net NAME`)"),
          text_option("data", "NAME[:PATH]", "the images (see `concertina list data`)"),
          integer_option("limit", {0, 1000000000}, "use the first N images; 0 = all", "0")};
}

Option out_option() { return text_option("out", "RUN", "the folder to make and fill"); }

std::vector<Option> training_options(const std::vector<Option>& own) {
  return with(fresh_run_options(), {own,
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

void refuse_old_run(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "run.h5", ignored)) return;
  throw UsageError("folder \"" + folder.string() + "\" holds a run already; continue it with " +
                   "`concertina resume " + folder.string() + "`, or name another --out");
}

Dataset read_images(const Options& options) {
  Dataset dataset = read_dataset(absolute_data(options.needed("data")));
  limit(dataset, options.integer("limit"));
  log_self_check(dataset);
  return dataset;
}

PreparedData load_data(const Options& options, const Recipe& recipe) {
  PreparedData data = prepare_data(read_images(options), absolute_data(options.needed("data")),
                                   options.integer("limit"), recipe);
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

RunState first_state(const NetSpec& net, const Recipe& recipe, const PreparedData& data,
                     at::Device device, const Options& options) {
  const Teachers teachers = open_teachers(recipe, data.description, device);
  Recipe settled = recipe;
  settle_filters(settled.plan, teachers, data, device);
  RunState state = new_run(net, settled, data, device, chosen_engine(options),
                           chosen_precision(options), teachers);
  if (options.given("start")) start_from(options.text("start"), state);
  return state;
}

void log_plan(const NetSpec& net, const Recipe& recipe) {
  for (const PlanStage& stage : recipe.plan.stages) log_info("plan: stage " + stage_text(stage));
  for (const PlanView& view : recipe.plan.views) log_info("plan: view " + view_text(view));
  for (const PlanNode& node : recipe.plan.nodes) log_info("plan: node " + node_text(node));
  for (const Edge& edge : recipe.plan.edges) log_info("plan: " + edge_text(edge));
  const auto& widths = recipe.widths.empty() ? net.widths : recipe.widths;
  std::vector<std::pair<std::string, std::string>> teachers;  // of each student
  for (const LossTerm& term : recipe.plan.loss_terms(plan_step(recipe, widths, net.exit_count()))) {
    const std::string student = end_text(net, recipe.plan, term.student);
    if (teachers.empty() || teachers.back().first != student) teachers.emplace_back(student, "");
    teachers.back().second += " " + end_text(net, recipe.plan, term.teacher);
  }
  const bool moves = recipe.random_widths >= 0 || !recipe.plan.stages.empty();
  for (const auto& [student, names] : teachers) {
    log_info("plan: " + student + " <-" + names + (moves ? " (first step)" : ""));
  }
}

}  // namespace concertina::cli
