#include "concertina/store/model_file.h"

#include <cmath>
#include <limits>

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"

#include "support/temp_folder.h"

#include "run_state.h"

namespace concertina {
namespace {

using testing::HasSubstr;

// The net, weights and norms of the example run, with one early exit.
ModelState example() {
  const RunState run = store_test::random_state(3);
  ModelState state;
  state.net = run.net;
  state.weights = run.weights;
  state.norms = run.norms;
  for (NormBank& bank : state.norms) bank.calibrated = true;
  std::vector<Width> widths;
  for (const NormBank& bank : run.norms) widths.push_back(bank.width);
  for (const Subnet& subnet : all_subnets(run.net, widths)) {
    Measurement row;
    row.id = subnet_id(run.net, subnet);
    row.subnet = subnet;
    row.cost = subnet_cost(run.net, subnet).anytime;
    row.accuracy = std::numeric_limits<double>::quiet_NaN();
    state.submodels.push_back(row);
  }
  state.submodels.front().accuracy = 0.5;
  state.setting.split = "validation";
  const auto exits = static_cast<std::size_t>(run.net.exit_count());
  ExitPolicy policy{std::vector<float>(exits, 0.75F), 1000, 0.5, std::vector<double>(exits, 0.25)};
  state.early_exits.push_back({Width(), 64, {policy, policy}});
  state.early_exits.back().policies.back().average_macs = 2000;
  state.classes.assign(static_cast<std::size_t>(run.net.classes), "cat");
  state.mean.assign(static_cast<std::size_t>(run.net.in_channels), 0.5F);
  state.deviation.assign(static_cast<std::size_t>(run.net.in_channels), 0.25F);
  state.origin = {{"run_sha256", "abc"}, {"recipe", "[train]\nepochs = 3\n"}};
  return state;
}

std::string refusal(const std::filesystem::path& file) {
  return store_test::message_of<DataError>([&] { read_model(file); });
}

TEST(ModelFile, ReadsBackWhatWasWritten) {
  const support::TempFolder folder;
  const ModelState written = example();
  write_model(folder / "m.h5", written);
  const ModelState read = read_model(folder / "m.h5");
  EXPECT_EQ(write_spec(read.net), write_spec(written.net));
  ASSERT_EQ(read.weights.size(), written.weights.size());
  for (std::size_t k = 0; k < read.weights.size(); ++k) {
    EXPECT_EQ(read.weights[k].name, written.weights[k].name);
    EXPECT_TRUE(at::equal(read.weights[k].value, written.weights[k].value));
  }
  ASSERT_EQ(read.norms.size(), written.norms.size());
  EXPECT_EQ(read.norms[0].width, written.norms[0].width);
  ASSERT_EQ(read.submodels.size(), written.submodels.size());
  EXPECT_EQ(read.submodels[0].accuracy, 0.5);
  EXPECT_TRUE(std::isnan(read.submodels[1].accuracy));
  EXPECT_EQ(read.submodels[1].subnet, written.submodels[1].subnet);
  EXPECT_EQ(read.setting.split, "validation");
  ASSERT_EQ(read.early_exits.size(), 1U);
  EXPECT_EQ(read.early_exits[0].images, 64);
  ASSERT_EQ(read.early_exits[0].policies.size(), 2U);
  EXPECT_EQ(read.early_exits[0].policies[1].average_macs, 2000);
  EXPECT_EQ(read.early_exits[0].policies[1].thresholds,
            written.early_exits[0].policies[1].thresholds);
  EXPECT_EQ(read.early_exits[0].policies[1].shares, written.early_exits[0].policies[1].shares);
  EXPECT_EQ(read.classes, written.classes);
  EXPECT_EQ(read.mean, written.mean);
  EXPECT_EQ(read.deviation, written.deviation);
  EXPECT_EQ(read.origin, written.origin);
}

TEST(ModelFile, TheSameModelGivesTheSameBytes) {
  const support::TempFolder folder;
  write_model(folder / "a.h5", example());
  write_model(folder / "b.h5", example());
  EXPECT_EQ(file_sha256(folder / "a.h5"), file_sha256(folder / "b.h5"));
}

TEST(ModelFile, PartsThatDoNotFitAreRefused) {
  const support::TempFolder folder;
  const auto refuses = [&](const char* message, auto change) {
    ModelState state = example();
    change(state);
    write_model(folder / "m.h5", state);
    EXPECT_THAT(refusal(folder / "m.h5"), HasSubstr(message));
  };
  refuses("mean and deviation", [](ModelState& state) { state.mean.push_back(1); });
  refuses("names of classes", [](ModelState& state) { state.classes.pop_back(); });
  refuses("does not fit the widths", [](ModelState& state) { state.submodels.pop_back(); });
  refuses("does not fit the widths", [](ModelState& state) { state.norms.clear(); });
  refuses("not one row a policy", [](ModelState& state) {
    for (ExitPolicy& policy : state.early_exits[0].policies) policy.thresholds.pop_back();
  });
  refuses("shape", [](ModelState& state) { state.weights[0].value = at::zeros({2, 2}); });
}

TEST(ModelFile, ARunIsNoModel) {
  const support::TempFolder folder;
  write_run(folder / "run.h5", store_test::random_state(3));
  EXPECT_THAT(refusal(folder / "run.h5"), HasSubstr("a concertina-run file found"));
  EXPECT_THROW(read_model(folder / "none.h5"), NoInputError);
}

}  // namespace
}  // namespace concertina
