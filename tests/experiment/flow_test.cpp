// A run from its first step to the answer, by the library alone.
#include <algorithm>

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/experiment/calibrate_run.h"
#include "concertina/experiment/compare.h"
#include "concertina/experiment/new_run.h"
#include "concertina/experiment/search.h"
#include "concertina/experiment/sweep.h"
#include "concertina/experiment/teachers.h"

#include "support/temp_folder.h"

namespace concertina::experiment {
namespace {

using support::TempFolder;
using testing::HasSubstr;

const std::string kSchedules = std::string(CONCERTINA_SOURCE_DIR) + "/schedules";

NewRun tiny(const std::string& net = "slimmable-mobilenet-v1-tiny") {
  NewRun setting;
  setting.net = net;
  setting.data = "shapes";
  setting.limit = 60;
  return setting;
}

Recipe recipe_for(const std::string& name, Overrides more = {}) {
  more.insert(more.begin(), {"train.epochs=1", "train.batch=20", "train.validation=20"});
  return find_recipe(name, kSchedules, more);
}

// One run that several tests read. It has shared norms, so that any width can be measured.
class TrainedRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    end_ = train_new_run(tiny(), recipe_for("us-net"), *folder_ / "run").end;
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static std::string run_path() { return (*folder_ / "run").string(); }

  static TempFolder* folder_;
  static TrainEnd end_;
};
TempFolder* TrainedRun::folder_ = nullptr;
TrainEnd TrainedRun::end_ = TrainEnd::step_limit;

TEST_F(TrainedRun, IsFinishedAndCannotBeMadeTwice) {
  EXPECT_EQ(end_, TrainEnd::finished);
  const LockedRun run(run_path());
  EXPECT_TRUE(run.state.progress.finished);
  EXPECT_THROW(train_new_run(tiny(), recipe_for("us-net"), run_path()), UsageError);
}

TEST_F(TrainedRun, IsSweptWithProgressAndCanBeStoppedAndContinued) {
  LockedRun run(run_path());
  const PreparedData data = data_of_run(run.state, run.recipe);
  SweepRequest request;
  request.latency.repetitions = 2;
  std::vector<std::string> tasks;
  bool stopped = false;
  Watch watch;
  watch.progress = [&](const WorkProgress& now) {
    EXPECT_GE(now.fraction, 0);
    EXPECT_LE(now.fraction, 1);
    tasks.push_back(now.task);
    stopped = tasks.size() > 2;
  };
  watch.stop = [&] { return stopped; };
  const SweepResult part = sweep(run, data, request, watch);
  EXPECT_FALSE(part.complete);
  EXPECT_LT(part.sweep.rows.size(), part.wanted);
  EXPECT_THAT(tasks.front(), HasSubstr("sweep w"));
  const SweepResult whole = sweep(run, data, request);
  EXPECT_TRUE(whole.complete);
  EXPECT_EQ(whole.sweep.rows.size(), run.state.submodels.size());
  EXPECT_EQ(read_sweep(run.folder / "sweep.h5").rows.size(), whole.wanted);
}

TEST_F(TrainedRun, IsSearchedForABudget) {
  LockedRun run(run_path());
  const PreparedData data = data_of_run(run.state, run.recipe);
  SearchRequest request;
  request.budget.max_macs =
      0.6 * static_cast<double>(
                subnet_cost(run.state.net, {Width(), run.state.net.exit_count()}).anytime.macs);
  request.method = SearchMethod::greedy;
  request.step = Width::parse("0.25");
  request.latency.repetitions = 1;
  const SearchResult found = search(run, data, request);
  EXPECT_TRUE(found.complete);
  EXPECT_LE(static_cast<double>(found.choice.cost.macs), *request.budget.max_macs);
  EXPECT_EQ(found.setting.split, "validation");
  EXPECT_GE(found.sweep.rows.size(), found.guide.size());
}

TEST_F(TrainedRun, GainsAWidthByCalibration) {
  const Width width = Width::parse("0.6");
  {
    LockedRun run(run_path());
    const PreparedData data = data_of_run(run.state, run.recipe);
    EXPECT_EQ(calibrate_run(run, data, width, at::kCPU, 20), 20);
  }
  EXPECT_TRUE(is_calibrated(read_run(run_file(run_path())), width));
}

TEST(NewRun, ChoosesTheFiltersOfAPlanOfDevices) {
  const TempFolder folder;
  train_new_run(tiny(), recipe_for("joint"), folder / "big");
  Recipe recipe = recipe_for("nonn-redundant");
  name_teachers({&recipe}, {(folder / "big").string()});
  const NewRun setting = tiny("nonn-mobilenet-v1-tiny");
  const PreparedData data = load_data(setting, recipe);
  const RunState state = first_state(setting, build_net(setting, data), recipe, data);
  for (const PlanNode& node : recipe_of(state).plan.nodes) {
    if (node.kind != NodeKind::filters) continue;
    EXPECT_FALSE(node.channels.empty()) << node.name;
  }
}

TEST(Compare, TrainsPairsAndTellsItsCaller) {
  const TempFolder folder;
  PlanRequest request;
  request.recipes = {"joint", "ipkd"};
  request.seeds = {1};
  request.overrides = {"train.epochs=1", "train.batch=20", "train.validation=20"};
  request.schedules = kSchedules;
  const std::vector<PlannedRun> plan = planned_runs(request);
  std::size_t told = 0;
  CompareWatch watch;
  watch.on_run = [&](const Comparison&) { ++told; };
  const CompareResult stopped = compare_recipes(tiny(), plan, folder / "both", watch, 1);
  EXPECT_EQ(stopped.end, TrainEnd::step_limit);
  EXPECT_THAT(stopped.where, HasSubstr("run 1/2, joint-s1, after epoch 0, step 1"));
  EXPECT_EQ(told, 0U);
  const CompareResult whole = compare_recipes(tiny(), plan, folder / "both", watch);
  EXPECT_EQ(whole.end, TrainEnd::finished);
  EXPECT_EQ(told, 2U);
  EXPECT_FALSE(compare(whole.comparison, figures().front()).empty());
}

}  // namespace
}  // namespace concertina::experiment
