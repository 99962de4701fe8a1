#include "concertina/train/trainer.h"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/data/catalog.h"
#include "concertina/eval/calibrate.h"
#include "concertina/spec/cost.h"

#include "support/teachers.h"
#include "support/tensors.h"

#include "fixture.h"

namespace concertina {
namespace {

using support::TempFolder;

std::string run_bytes(const TempFolder& folder) { return read_file(folder / "run.h5"); }

TEST(Trainer, KeepsEverySubModelsHistoryAndBest) {
  const TempFolder folder;
  const TinyRun run;
  RunState state = run.fresh();
  EXPECT_EQ(run.train_in(folder, state), TrainEnd::finished);
  const RunState stored = read_run(folder / "run.h5");
  EXPECT_TRUE(stored.progress.finished);
  EXPECT_EQ(stored.progress.epoch, 3);
  EXPECT_EQ(stored.evaluations.size(), 4u * 3 + 4);  // three validations, one test
  EXPECT_EQ(stored.train_history[0].values, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(stored.valid_history.size(), 1u + 2 * 4);
  for (const SubnetState& submodel : stored.submodels) {
    ASSERT_TRUE(submodel.best);
    EXPECT_EQ(best_of_run(stored, submodel, at::kCPU).spec().exit_count(), 1);
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "best.h5"));
}

TEST(Trainer, LearnsWhatIsEasy) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.epochs=12", "optimizer.lr=0.05"}));
  RunState state = run.fresh();
  run.train_in(folder, state);
  for (const Evaluation& one : state.evaluations) {
    if (one.split != "test") continue;
    EXPECT_GT(one.accuracy, 0.6) << one.id;  // chance is 0.25
  }
}

// Trains straight through, and again with a stop every few steps; compares all that is kept.
void expect_same_bytes_when_broken(const TinyRun& run, const std::string& what) {
  const TempFolder straight, broken;
  RunState state = run.fresh();
  run.train_in(straight, state);
  RunState first = run.fresh();
  ASSERT_EQ(run.train_in(broken, first, 3), TrainEnd::step_limit) << what;
  for (int k = 0; k < 20; ++k) {
    RunState next = read_run(broken / "run.h5");
    if (run.train_in(broken, next, 2) == TrainEnd::finished) break;
  }
  EXPECT_TRUE(run_bytes(straight) == run_bytes(broken)) << what;
  EXPECT_TRUE(read_file(straight / "best.h5") == read_file(broken / "best.h5")) << what;
}

TEST(Trainer, AnInterruptedRunEndsInTheSameBytes) {
  for (const std::string net : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const std::string recipe : {"ipkd-ta", "ipkd-ta-dense", "sandwich"}) {
      const Recipe tiny = tiny_recipe({"train.epochs=2", "train.checkpoint-every=2"}, recipe);
      expect_same_bytes_when_broken(TinyRun(tiny, net), net + " " + recipe);
    }
  }
}

TEST(Trainer, EveryNetOfTheCatalogResumesToTheSameBytes) {
  for (const NetEntry& entry : net_catalog()) {
    const Recipe tiny = tiny_recipe({"train.epochs=1", "train.batch=19"});
    expect_same_bytes_when_broken(TinyRun(tiny, entry.name), entry.name);
  }
}

// A width that is drawn now and then has statistics of weights that have moved on.
TEST(Trainer, DrawnWidthsAreCalibrated) {
  const TinyRun run(tiny_recipe({"train.epochs=2", "net.norm=shared", "distill.random-widths=1"}));
  const TempFolder folder;
  RunState state = run.fresh();
  run.train_in(folder, state);
  FlexibleNet net = net_of_run(state, run.recipe, at::kCPU);
  for (std::size_t k = 0; k < state.widths.size(); ++k) {
    const Width width = state.widths[k];
    calibrate(net, width, run.data.train, run.data.statistics, calibration_setting(run.recipe));
    const at::Tensor calibrated = net.norms(width)[2].value;
    const bool always = k == 0 || k + 1 == state.widths.size();
    EXPECT_EQ(same_bytes(state.norms[k].values[2].value, calibrated), !always) << width.text();
  }
}

TEST(Trainer, ANetThatCannotBeCutIsRefusedBeforeItTrains) {
  const TinyRun run(tiny_recipe({}, "network-slimming"), "nonn-mobilenet-v1-tiny");
  try {
    run.fresh();
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("cannot be cut: its layer \"part1\" adds maps up"));
  }
}

TEST(Trainer, SharedNormsResumeToTheSameBytes) {
  const Recipe tiny = tiny_recipe({"train.epochs=2", "net.norm=shared", "distill.random-widths=1"});
  expect_same_bytes_when_broken(TinyRun(tiny), "shared");
}

// Stages with snapshots and cuts, replays, attacks, and what a plan learns beside the net.
TEST(Trainer, EveryMechanismResumesToTheSameBytes) {
  for (const std::string recipe :
       {"takd", "information-flow", "cross-layer", "okddip", "one", "fast-ard",
        "robust-compression", "network-slimming", "imta", "dgkd", "switchable-precision"}) {
    expect_same_bytes_when_broken(TinyRun(tiny_recipe({"train.epochs=2"}, recipe)), recipe);
  }
}

TEST(Trainer, LinkedExitsResumeToTheSameBytes) {
  expect_same_bytes_when_broken(
      TinyRun(tiny_recipe({"train.epochs=2"}, "imta"), "msdnet-tiny", {"link=8"}), "imta link");
}

TEST(Trainer, DevicesResumeToTheSameBytes) {
  for (const std::string recipe : {"nonn", "nonn-redundant"}) {
    const TinyRun run(tiny_recipe({"train.epochs=2"}, recipe), "nonn-mobilenet-v1-tiny",
                      support::net_options(recipe));
    expect_same_bytes_when_broken(run, recipe);
  }
}

TEST(Trainer, ACutLeavesARunOfASmallerNet) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.epochs=4"}, "network-slimming"));
  RunState state = run.fresh();
  EXPECT_EQ(run.train_in(folder, state), TrainEnd::finished);
  const RunState stored = read_run(folder / "run.h5");
  for (const SubnetState& submodel : stored.submodels) {
    const Subnet& subnet = submodel.subnet;
    EXPECT_LT(subnet_cost(stored.net, subnet).anytime.params,
              0.8 * static_cast<double>(subnet_cost(run.spec, subnet).anytime.params));
    ASSERT_TRUE(submodel.best);  // of the smaller net
    EXPECT_GT(submodel.best->epoch, 2);
    best_of_run(stored, submodel, at::kCPU);
  }
  const std::size_t smallest = stored.evaluations.size() - 4;  // of the test, at the end
  EXPECT_GT(stored.evaluations[0].params, stored.evaluations[smallest].params);
}

// What it learns and its statistics are in the checkpoint.
TEST(Trainer, MultiSegmentActivationsResumeToTheSameBytes) {
  for (const std::string net : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const std::string norm : {"switchable", "calibrated"}) {
      const TinyRun run(tiny_recipe({"train.epochs=2", "net.norm=" + norm}, "lma"), net,
                        {"activation=lma"});
      expect_same_bytes_when_broken(run, net + " lma " + norm);
      const TempFolder folder;
      RunState state = run.fresh();
      run.train_in(folder, state);
      const auto of = [](const Tensors& tensors, const std::string& name) {
        const auto is_it = [&](const NamedTensor& one) { return one.name == name; };
        return std::find_if(tensors.begin(), tensors.end(), is_it)->value;
      };
      // Every width has other channels here; the first layers of small nets have the same.
      const std::string layer =
          net == "msdnet-tiny" ? "first.scale2.activation" : "stage5.1.pointwise.activation";
      const RunState stored = read_run(folder / "run.h5");
      EXPECT_GT(at::abs(of(stored.weights, layer + "/weight")).sum().item<float>(), 0);
      const Tensors& narrow = stored.norms.front().values;
      const Tensors& full = stored.norms.back().values;
      EXPECT_FALSE(same_bytes(of(narrow, layer + "/running_var"), of(full, layer + "/running_var")))
          << net << " " << norm;
    }
  }
}

// Private norms of every precision, and weights that all of them round.
TEST(Trainer, PrecisionsResumeToTheSameBytes) {
  for (const std::string net : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const std::string norm : {"switchable", "calibrated"}) {
      const TinyRun run(
          tiny_recipe({"train.epochs=2", "net.norm=" + norm, "net.widths=0.5@4 1@1 1@4 1"}), net);
      expect_same_bytes_when_broken(run, net + " precisions " + norm);
    }
  }
}

TEST(Trainer, ARunOfFewerBitsIsOneOfThePlainEngine) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.epochs=1"}, "switchable-precision"));
  RunState state = run.fresh();
  EXPECT_THAT(state.environment, testing::HasSubstr("engine = plain\n"));
  EXPECT_EQ(run.train_in(folder, state), TrainEnd::finished);
  const RunState stored = read_run(folder / "run.h5");
  EXPECT_EQ(widths_text(stored.widths), "1@2 1@4 1@8 1");
  const SubnetState& few = stored.submodels.front();
  ASSERT_TRUE(few.best);
  const FlexibleNet small = best_of_run(stored, few, at::kCPU);
  int rounded = 0;
  for (const Parameter& one : small.weights()) {
    if (one.name != "stage1.1.pointwise.conv/weight") continue;
    EXPECT_LE(std::get<0>(at::_unique(one.value.detach())).numel(), 4);
    ++rounded;
  }
  EXPECT_EQ(rounded, 1);
  EXPECT_THROW(
      new_run(run.spec, run.recipe, run.data, at::kCPU, Engine::fused, Precision::fp32, {}),
      UsageError);
}

TEST(Trainer, WidthsThatAreDrawnHaveNoBits) {
  Recipe recipe = tiny_recipe({}, "sandwich");
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {4, 3, 16, 16});
  spec.widths = parse_widths("0.25 1@4 1");
  const PreparedData data =
      prepare_data(support::tiny_dataset({4, 3, 16, 16, 96, 32}), "tiny", 0, recipe);
  try {
    new_run(spec, recipe, data, at::kCPU, Engine::automatic, Precision::fp32, {});
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "recipe \"sandwich\" draws widths, which have no bits; net "
                 "\"slimmable-mobilenet-v1-tiny\" lists 0.25 1@4 1");
  }
}

TEST(Trainer, GradientsThroughTeachersResumeToo) {
  const Recipe tiny = tiny_recipe(
      {"train.epochs=1", "distill.edge=label -> each : ce weight=1",
       "distill.edge=next-larger -> each : kl weight=1 temperature=2 reduction=batchmean t-power=2 "
       "gradient=through"});
  expect_same_bytes_when_broken(TinyRun(tiny), "through");
}

TEST(Trainer, EveryShippedRecipeTrainsTwoStepsOnTheEmbeddedData) {
  const std::string folder = std::string(CONCERTINA_SOURCE_DIR) + "/schedules";
  const Dataset shapes = read_dataset("shapes");
  for (const std::string& name : recipe_names(folder)) {
    std::vector<std::string> nets{"slimmable-mobilenet-v1-tiny", "msdnet-tiny"};
    if (name == "switchable-precision") nets.pop_back();  // exits' maps differ in channels
    if (name.rfind("nonn", 0) == 0) nets = {"nonn-mobilenet-v1-tiny"};
    for (const std::string& net : nets) {
      const TempFolder place;
      Recipe recipe = load_recipe(name, folder, {"train.batch=16"});
      const PreparedData data = prepare_data(shapes, "shapes", 100, recipe);
      const NetSpec spec = make_net(net, {10, 3, 32, 32}, support::net_options(name));
      const Teachers teachers = support::untrained_teachers(recipe.plan, spec);
      RunState state =
          new_run(spec, recipe, data, at::kCPU, Engine::automatic, Precision::fp32, teachers);
      EXPECT_EQ(train(state, data, {place.path(), at::kCPU, 2, teachers}, {}), TrainEnd::step_limit)
          << name;
      EXPECT_EQ(read_run(place / "run.h5").progress.step, 2) << name;
    }
  }
}

TEST(Trainer, AStageThatTrainsNoLayerIsRefused) {
  const TinyRun run(tiny_recipe({"distill.stage=one : share=1 train=stagee1"}));
  try {
    run.fresh();
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("stage \"one\" trains nothing: unknown layer \"stagee1\""));
  }
}

// The best of the first stage is another net's.
TEST(Trainer, AFreshStartForgetsTheBestOfThoseThatLearn) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.epochs=3"}, "takd"));
  RunState state = run.fresh();
  ASSERT_EQ(run.train_in(folder, state), TrainEnd::finished);
  const RunState stored = read_run(folder / "run.h5");
  ASSERT_EQ(stored.submodels.size(), 4U);
  EXPECT_EQ(stored.submodels[0].best->epoch, 3);  // the student
  EXPECT_EQ(stored.submodels[1].best->epoch, 2);  // the assistant
  EXPECT_EQ(stored.submodels[3].best->epoch, 1);  // the large one
}

// An adapter is there for every assistant that will ever teach.
TEST(Trainer, AnAssistantThatMovesHasItsAdapters) {
  const TempFolder folder;
  const Recipe recipe = tiny_recipe(
      {"train.epochs=2", "distill.edge=label -> each : ce weight=1",
       "distill.edge=assistant -> students : hint weight=1 reduction=elementmean gradient=stop "
       "tap=map adapter=conv1x1 rank=linear(0,1)"});
  expect_same_bytes_when_broken(TinyRun(recipe), "assistant");
}

TEST(Trainer, AnUntaughtSubModelIsRefused) {
  const TinyRun run(tiny_recipe({"net.widths=1", "distill.edge=label -> full : ce weight=1"}),
                    "msdnet-tiny");
  try {
    run.fresh();
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("teaches sub-model w1.000-e2"));
  }
}

TEST(Trainer, StatisticsThatAreNotFiniteAreNeverSaved) {
  // One image a batch and 1x1 maps: the variance of a batch is 0/0.
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.batch=1", "train.epochs=1"}),
                    "slimmable-mobilenet-v1-imagenet");
  RunState state = run.fresh();
  EXPECT_THROW(run.train_in(folder, state, 2), DivergedError);
  EXPECT_EQ(read_run(folder / "run.h5").progress.step, 0);
}

TEST(Trainer, SavesAndLeavesWhenTheCallerStopsIt) {
  const TempFolder folder;
  const TinyRun run;
  RunState state = run.fresh();
  bool stopped = false;
  TrainWatcher watcher;
  watcher.on_step = [&](const StepProgress& view) { stopped = view.step == 3; };
  watcher.stop = [&] { return stopped; };
  EXPECT_EQ(run.train_in(folder, state, -1, watcher), TrainEnd::interrupted);
  EXPECT_EQ(read_run(folder / "run.h5").progress.step_in_epoch, 3);
}

TEST(Trainer, DivergingKeepsTheLastGoodCheckpoint) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"optimizer.lr=10", "optimizer.schedule=constant",
                                 "train.epochs=2000", "train.checkpoint-every=100000"}));
  RunState state = run.fresh();
  state.weights[0].value.fill_(1e38F);
  write_run(folder / "run.h5", run.fresh());
  const std::string before = run_bytes(folder);
  state.progress.step = 1;  // past the first save
  EXPECT_THROW(run.train_in(folder, state), DivergedError);
  EXPECT_EQ(run_bytes(folder), before);
}

TEST(Trainer, MetricsAreWholeLinesAndStartAgainAtTheCheckpoint) {
  const TempFolder folder;
  const TinyRun run;
  RunState state = run.fresh();
  run.train_in(folder, state, 7);
  std::string text = read_file(folder / "metrics.jsonl");
  folder.write("metrics.jsonl", text + "{\"type\":\"step\",\"step\":99}\n{\"torn");
  RunState next = read_run(folder / "run.h5");
  run.train_in(folder, next);
  std::vector<std::int64_t> steps;
  std::istringstream lines(read_file(folder / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    steps.push_back(nlohmann::json::parse(line)["step"]);
  }
  EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 5, 10, 15}));
}

TEST(Trainer, RemovesWhatAKilledProcessLeftHalfWritten) {
  const TempFolder folder;
  folder.write("best.h5.part", "torn");
  const TinyRun run(tiny_recipe({"train.validation=0", "train.epochs=1"}));
  RunState state = run.fresh();
  run.train_in(folder, state, 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "best.h5.part"));
}

TEST(Trainer, WithoutValidationNothingIsCalledBest) {
  const TempFolder folder;
  const TinyRun run(tiny_recipe({"train.validation=0", "train.epochs=1"}));
  RunState state = run.fresh();
  EXPECT_EQ(run.train_in(folder, state), TrainEnd::finished);
  EXPECT_FALSE(state.submodels[0].best);
  EXPECT_FALSE(std::filesystem::exists(folder / "best.h5"));
  EXPECT_EQ(state.evaluations.size(), 4u);
}

}  // namespace
}  // namespace concertina
