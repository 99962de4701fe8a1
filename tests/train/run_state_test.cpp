#include "concertina/train/run_state.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/kernels/matmul.h"

#include "support/tensors.h"

#include "fixture.h"

namespace concertina {
namespace {

using testing::HasSubstr;

TEST(RunState, NetsComeBackAsTheyWere) {
  for (const std::string norm : {"switchable", "calibrated"}) {
    const TinyRun run(tiny_recipe({"net.norm=" + norm}));
    const RunState state = run.fresh();
    const FlexibleNet net = net_of_run(state, run.recipe, at::kCPU);
    const FlexibleNet fresh(run.spec, run.spec.widths, net_settings(run.recipe), run.recipe.seed,
                            at::kCPU);
    for (std::size_t k = 0; k < net.parameters().size(); ++k) {
      EXPECT_TRUE(same_bytes(net.parameters()[k].value, fresh.parameters()[k].value));
    }
  }
}

TEST(RunState, ARunKeepsTheEngineAndThePrecisionItBeganWith) {
  const TinyRun run;
  std::vector<std::pair<Engine, Precision>> all = {{Engine::plain, Precision::fp32},
                                                   {Engine::fused, Precision::fp32}};
  if (kernels::has_bfloat16()) all.push_back({Engine::fused, Precision::bf16});
  for (const auto& [engine, precision] : all) {
    const RunState state = new_run(run.spec, run.recipe, run.data, at::kCPU, engine, precision);
    const FlexibleNet net = net_of_run(state, run.recipe, at::kCPU);
    EXPECT_EQ(net.engine(), engine);
    EXPECT_EQ(recorded_precision(state.environment), precision);
    // Not every processor that reads the run has it, nor does an evaluation need it.
    EXPECT_EQ(net.precision(), Precision::fp32);
  }
  EXPECT_EQ(recorded_engine(run.fresh().environment), Engine::fused);
  // As runs were recorded before there was a choice.
  EXPECT_EQ(recorded_engine("libtorch = 1.13.1\nthreads = 2\n"), Engine::plain);
  EXPECT_EQ(recorded_precision("threads = 2\nengine = fused\n"), Precision::fp32);
}

template <typename Change>
std::string refusal(Change change) {
  const TinyRun run;
  RunState state = run.fresh();
  change(state);
  try {
    Sgd sgd(net_of_run(state, run.recipe, at::kCPU).parameters(), run.recipe);
    restore_momentum(state, sgd);
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(RunState, TensorsThatAreNotTheNetsAreRefused) {
  EXPECT_THAT(refusal([](RunState& state) { state.weights.erase(state.weights.begin()); }),
              HasSubstr("the weights lacks \"stem.conv/weight\""));
  EXPECT_THAT(refusal([](RunState& state) { state.weights[0].value = at::zeros({3}); }),
              HasSubstr("wrong shape"));
  EXPECT_THAT(refusal([](RunState& state) {
                state.weights.push_back({"x/weight", {}, ""});
              }),
              HasSubstr("the net has"));
  EXPECT_THAT(refusal([](RunState& state) { state.momentum.clear(); }),
              HasSubstr("momentum lacks"));
}

TEST(RunState, OtherDataAreRefused) {
  const TinyRun run;
  const RunState state = run.fresh();
  EXPECT_NO_THROW(prepare_data(support::tiny_dataset({4, 3, 16, 16, 96, 32}), state, run.recipe));
  EXPECT_THROW(prepare_data(support::tiny_dataset({4, 3, 16, 16, 96, 31}), state, run.recipe),
               DataError);
}

TEST(RunState, ValidationIsAtMostAFifth) {
  const TinyRun run(tiny_recipe({"train.validation=5000"}));
  EXPECT_EQ(run.data.validation.size(), 19);
  EXPECT_EQ(run.data.train.size(), 77);
  EXPECT_EQ(run.data.description.validation_images, 19);
}

}  // namespace
}  // namespace concertina
