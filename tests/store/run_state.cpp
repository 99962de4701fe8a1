#include "store/run_state.h"

#include <cstdio>
#include <random>

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "concertina/core/hash.h"
#include "concertina/spec/resolve.h"

namespace concertina::store_test {
namespace {

class Numbers {
 public:
  explicit Numbers(std::uint32_t seed) : engine_(seed) {}

  double real() { return std::normal_distribution<double>()(engine_); }

  at::Tensor tensor(const std::vector<std::int64_t>& sizes) {
    at::Tensor value = at::empty(sizes, at::kFloat);
    float* data = value.data_ptr<float>();
    for (std::int64_t i = 0; i < value.numel(); ++i) data[i] = static_cast<float>(real());
    return value;
  }

  std::vector<double> reals(std::size_t count) {
    std::vector<double> values(count);
    for (double& value : values) value = real();
    return values;
  }

  Tensors weights(const NetSpec& net, const Subnet& subnet) {
    Tensors tensors;
    for (const ResolvedLayer& shape : resolve(net, subnet).layers) {
      const Layer& layer = net.layers[static_cast<std::size_t>(shape.layer)];
      const std::int64_t out = shape.out_channels, in = shape.in_channels;
      if (layer.kind == LayerKind::conv) {
        tensors.push_back({layer.name + "/weight", tensor({out, in, layer.kernel, layer.kernel}),
                           "out,in,height,width"});
      } else if (layer.kind == LayerKind::linear) {
        tensors.push_back({layer.name + "/weight", tensor({out, in}), "out,in"});
        tensors.push_back({layer.name + "/bias", tensor({out}), "out"});
      }
    }
    return tensors;
  }

  Tensors norms(const NetSpec& net, const Subnet& subnet) {
    Tensors tensors;
    for (const ResolvedLayer& shape : resolve(net, subnet).layers) {
      const Layer& layer = net.layers[static_cast<std::size_t>(shape.layer)];
      if (layer.kind != LayerKind::norm) continue;
      for (const char* parameter : {"weight", "bias", "running_mean", "running_var"}) {
        tensors.push_back({layer.name + "/" + parameter, tensor({shape.out_channels}), "channel"});
      }
    }
    return tensors;
  }

 private:
  std::mt19937 engine_;
};

Layer layer(const char* name, LayerKind kind, int input, int channels = 0, bool elastic = false) {
  Layer result;
  result.name = name;
  result.kind = kind;
  if (input >= 0) result.inputs = {input};
  result.channels = channels;
  result.elastic = elastic;
  if (kind == LayerKind::conv) {
    result.kernel = 3;
    result.padding = 1;
  }
  return result;
}

void add_submodels(RunState& state, Numbers& numbers) {
  const Subnet last{state.widths.front(), state.net.exit_count()};
  for (const Width width : state.widths) {
    state.norms.push_back(
        {width, width != last.width, numbers.norms(state.net, {width, last.exit})});
  }
  for (const Subnet& subnet : all_subnets(state.net, state.widths)) {
    SubnetState submodel{subnet, std::nullopt};
    if (!state.submodels.empty()) {
      submodel.best =
          BestState{3, numbers.real(), numbers.real(), numbers.weights(state.net, subnet),
                    numbers.norms(state.net, subnet)};
    }
    state.submodels.push_back(std::move(submodel));
  }
}

// What a plan adds: learned tensors, and two frozen copies.
void add_plan(RunState& state, Numbers& numbers) {
  for (const char* name : {"distill/edge2.w0.500-e1.teacher/conv/weight", "distill/mix/query"}) {
    Tensors some = numbers.weights(state.net, {Width(), 1});
    state.auxiliary_modules.push_back({name, some.front().value, some.front().axes});
  }
  int exit = 0;
  for (const char* node : {"first-net", "second-net"}) {
    const Subnet subnet{Width::from_thousandths(500), ++exit};
    state.snapshots.push_back(
        {node, subnet, numbers.weights(state.net, subnet), numbers.norms(state.net, subnet)});
  }
}

void add_results(RunState& state, Numbers& numbers) {
  state.train_history = {{"epoch", "epochs", {1, 2, 3}},
                         {"loss/w0.500-e1", "nats", numbers.reals(3)},
                         {"loss/w1.000-e2", "nats", numbers.reals(3)},
                         {"lr", "1", numbers.reals(3)}};
  for (const std::int64_t epoch : {2, 3}) {
    for (const auto& submodel : state.submodels) {
      const auto macs =
          static_cast<std::int64_t>(1000 * submodel.subnet.width.value()) + submodel.subnet.exit;
      state.evaluations.push_back({epoch, subnet_id(state.net, submodel.subnet), "validation",
                                   numbers.real(), numbers.real(), macs, 17});
    }
  }
}

}  // namespace

NetSpec two_exit_net() {
  NetSpec net;
  net.name = "two-exits";
  net.classes = 5;
  net.in_channels = 3;
  net.in_height = net.in_width = 8;
  net.widths = {Width::from_thousandths(500), Width()};
  net.layers = {layer("input", LayerKind::input, -1),
                layer("stem.conv", LayerKind::conv, 0, 16, true),
                layer("stem.norm", LayerKind::norm, 1),
                layer("stem.relu", LayerKind::activation, 2),
                layer("exit1.pool", LayerKind::pool, 3),
                layer("exit1.linear", LayerKind::linear, 4, 5),
                layer("body.conv", LayerKind::conv, 3, 24, true),
                layer("body.norm", LayerKind::norm, 6),
                layer("exit2.pool", LayerKind::pool, 7),
                layer("exit2.linear", LayerKind::linear, 8, 5)};
  net.exits = {5, 9};
  return net;
}

RunState random_state(std::uint32_t seed) {
  Numbers numbers(seed);
  RunState state;
  state.net = two_exit_net();
  state.recipe = "[recipe]\nname = joint\n# \xc3\xa9\n";
  state.widths = state.net.widths;
  state.data = {"cifar10:/data/x",
                100,
                50,
                40,
                30,
                {"plane", "caf\xc3\xa9", ""},
                {0.1F, 0.2F, 0.3F},
                {1, 2, 3},
                sha256_hex("images")};
  state.weights = numbers.weights(state.net, {Width(), 2});
  state.momentum = {{"w0.500/stem.norm/weight", numbers.tensor({8}), "channel"},
                    {"stem.conv/weight", numbers.tensor({16, 3, 3, 3}), "out,in,height,width"},
                    {"scalar", numbers.tensor({}), ""}};
  state.seed = 0xfedcba9876543210U + seed;
  state.progress = {3, 7, 77, numbers.reals(4), numbers.real(), 2, false};
  state.environment = "libtorch = 1.13.1\nthreads = 2\n";
  add_plan(state, numbers);
  add_submodels(state, numbers);
  add_results(state, numbers);
  return state;
}

void expect_equal(const Tensors& found, const Tensors& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].name);
    EXPECT_EQ(found[i].axes, expected[i].axes);
    ASSERT_EQ(found[i].value.sizes(), expected[i].value.sizes()) << found[i].name;
    EXPECT_TRUE(at::equal(found[i].value, expected[i].value)) << found[i].name;
  }
}

namespace {

void expect_equal(const Table& found, const Table& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].name, expected[i].name);
    EXPECT_EQ(found[i].unit, expected[i].unit);
    EXPECT_EQ(found[i].values, expected[i].values);
  }
}

void expect_equal(const Progress& found, const Progress& expected) {
  EXPECT_EQ(found.epoch, expected.epoch);
  EXPECT_EQ(found.step_in_epoch, expected.step_in_epoch);
  EXPECT_EQ(found.step, expected.step);
  EXPECT_EQ(found.partial_sums, expected.partial_sums);
  EXPECT_EQ(found.best_score, expected.best_score);
  EXPECT_EQ(found.best_epoch, expected.best_epoch);
  EXPECT_EQ(found.finished, expected.finished);
}

void expect_equal(const DataDescription& found, const DataDescription& expected) {
  EXPECT_EQ(found.argument, expected.argument);
  EXPECT_EQ(found.limit, expected.limit);
  EXPECT_EQ(found.train_images, expected.train_images);
  EXPECT_EQ(found.validation_images, expected.validation_images);
  EXPECT_EQ(found.test_images, expected.test_images);
  EXPECT_EQ(found.classes, expected.classes);
  EXPECT_EQ(found.mean, expected.mean);
  EXPECT_EQ(found.deviation, expected.deviation);
  EXPECT_EQ(found.sha256, expected.sha256);
}

void expect_equal(const std::optional<BestState>& found, const std::optional<BestState>& expected) {
  ASSERT_EQ(found.has_value(), expected.has_value());
  if (!found) return;
  EXPECT_EQ(found->epoch, expected->epoch);
  EXPECT_EQ(found->accuracy, expected->accuracy);
  EXPECT_EQ(found->loss, expected->loss);
  store_test::expect_equal(found->weights, expected->weights);
  store_test::expect_equal(found->norm, expected->norm);
}

void expect_equal(const Evaluation& found, const Evaluation& expected) {
  EXPECT_EQ(found.epoch, expected.epoch);
  EXPECT_EQ(found.id, expected.id);
  EXPECT_EQ(found.split, expected.split);
  EXPECT_EQ(found.loss, expected.loss);
  EXPECT_EQ(found.accuracy, expected.accuracy);
  EXPECT_EQ(found.macs, expected.macs);
  EXPECT_EQ(found.params, expected.params);
}

void expect_equal_submodels(const RunState& found, const RunState& expected) {
  ASSERT_EQ(found.norms.size(), expected.norms.size());
  for (std::size_t i = 0; i < found.norms.size(); ++i) {
    EXPECT_EQ(found.norms[i].width, expected.norms[i].width);
    EXPECT_EQ(found.norms[i].calibrated, expected.norms[i].calibrated);
    store_test::expect_equal(found.norms[i].values, expected.norms[i].values);
  }
  ASSERT_EQ(found.submodels.size(), expected.submodels.size());
  for (std::size_t i = 0; i < found.submodels.size(); ++i) {
    EXPECT_EQ(found.submodels[i].subnet, expected.submodels[i].subnet);
    expect_equal(found.submodels[i].best, expected.submodels[i].best);
  }
}

}  // namespace

void expect_equal(const RunState& found, const RunState& expected) {
  EXPECT_EQ(write_spec(found.net), write_spec(expected.net));
  EXPECT_EQ(found.recipe, expected.recipe);
  EXPECT_EQ(found.widths, expected.widths);
  EXPECT_EQ(found.seed, expected.seed);
  EXPECT_EQ(found.environment, expected.environment);
  expect_equal(found.data, expected.data);
  expect_equal(found.progress, expected.progress);
  expect_equal(found.weights, expected.weights);
  expect_equal(found.momentum, expected.momentum);
  expect_equal(found.auxiliary_modules, expected.auxiliary_modules);
  ASSERT_EQ(found.snapshots.size(), expected.snapshots.size());
  for (std::size_t i = 0; i < found.snapshots.size(); ++i) {
    EXPECT_EQ(found.snapshots[i].node, expected.snapshots[i].node);
    EXPECT_EQ(found.snapshots[i].subnet, expected.snapshots[i].subnet);
    expect_equal(found.snapshots[i].weights, expected.snapshots[i].weights);
    expect_equal(found.snapshots[i].norm, expected.snapshots[i].norm);
  }
  expect_equal_submodels(found, expected);
  expect_equal(found.train_history, expected.train_history);
  expect_equal(found.valid_history, expected.valid_history);
  ASSERT_EQ(found.evaluations.size(), expected.evaluations.size());
  for (std::size_t i = 0; i < found.evaluations.size(); ++i) {
    expect_equal(found.evaluations[i], expected.evaluations[i]);
  }
}

std::string reseal(std::string bytes) {
  char length[21], sum[9];
  std::snprintf(length, sizeof length, "%020zu", bytes.size());
  bytes.replace(35, 20, length);
  bytes.replace(62, 8, "00000000");
  std::snprintf(sum, sizeof sum, "%08x", static_cast<unsigned>(crc32(bytes)));
  return bytes.replace(62, 8, sum);
}

}  // namespace concertina::store_test
