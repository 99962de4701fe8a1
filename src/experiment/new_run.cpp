#include "concertina/experiment/new_run.h"

#include <algorithm>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/data/catalog.h"
#include "concertina/distill/partition.h"
#include "concertina/eval/evaluate.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/teachers.h"
#include "concertina/experiment/warm_start.h"
#include "concertina/nets/catalog.h"

namespace concertina::experiment {
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

constexpr std::int64_t kPartitionBatches = 8;  // of kEvaluationBatch images

// Chooses the filters of each part by what the plan's teachers do on the first training images.
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

void refuse_old_run(const std::filesystem::path& folder) {
  if (!holds_run(folder)) return;
  throw UsageError("folder \"" + folder.string() +
                   "\" holds a run already; expected a folder without one");
}

void check_net(const NewRun& setting) { make_net(setting.net, {}, setting.net_options); }

Dataset read_images(const NewRun& setting) {
  Dataset dataset = read_dataset(absolute_data(setting.data));
  limit(dataset, setting.limit);
  log_self_check(dataset);
  return dataset;
}

PreparedData load_data(const NewRun& setting, const Recipe& recipe) {
  PreparedData data =
      prepare_data(read_images(setting), absolute_data(setting.data), setting.limit, recipe);
  log_info("data: " + std::to_string(data.train.size()) + " images to train on, " +
           std::to_string(data.validation.size()) + " held out for validation");
  return data;
}

NetSpec build_net(const NewRun& setting, const PreparedData& data) {
  NetInput input;
  input.classes = static_cast<int>(data.description.classes.size());
  input.channels = static_cast<int>(data.train.images.size(1));
  input.height = static_cast<int>(data.train.images.size(2));
  input.width = static_cast<int>(data.train.images.size(3));
  return make_net(setting.net, input, setting.net_options);
}

RunState first_state(const NewRun& setting, const NetSpec& net, const Recipe& recipe,
                     const PreparedData& data) {
  const Teachers teachers = open_teachers(recipe, data.description, setting.device);
  Recipe settled = recipe;
  settle_filters(settled.plan, teachers, data, setting.device);
  RunState state =
      new_run(net, settled, data, setting.device, setting.engine, setting.precision, teachers);
  if (!setting.start.empty()) start_from(setting.start, state);
  return state;
}

Trained train_new_run(const NewRun& setting, const Recipe& recipe,
                      const std::filesystem::path& folder, const TrainWatcher& watcher,
                      std::int64_t max_steps) {
  refuse_old_run(folder);
  check_net(setting);  // before the data are read
  const PreparedData data = load_data(setting, recipe);
  const NetSpec net = build_net(setting, data);
  log_plan(net, recipe);
  create_folder(folder);
  const FolderLock lock(folder);
  refuse_old_run(folder);
  Trained trained{first_state(setting, net, recipe, data), TrainEnd::finished};
  trained.end = train(trained.state, data,
                      train_setting(trained.state, folder, setting.device, max_steps), watcher);
  return trained;
}

TrainSetting train_setting(const RunState& state, const std::filesystem::path& folder,
                           at::Device device, std::int64_t max_steps) {
  return {folder, device, max_steps, open_teachers(recipe_of(state), state.data, device)};
}

void warn_of_changes(const RunState& state, at::Device device) {
  const std::vector<std::string> then = split(state.environment, '\n');
  const std::vector<std::string> now =
      split(environment_text(device, recorded_engine(state.environment),
                             recorded_precision(state.environment)),
            '\n');
  for (std::size_t k = 0; k < now.size() && k < then.size(); ++k) {
    if (now[k] == then[k] || then[k].empty() || now[k].empty()) continue;  // not recorded
    log_warn("the run began with \"" + then[k] + "\", now it is \"" + now[k] +
             "\": its numbers may differ in the last digits");
  }
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

}  // namespace concertina::experiment
