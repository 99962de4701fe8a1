#include "concertina/deploy/onnx.h"

#include <algorithm>
#include <set>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/version.h"

#include "readers.h"

namespace concertina::deploy {
namespace {

using nlohmann::json;

// float32 sums in another order, up to 40 layers.
constexpr double kTolerance = 1e-5;

const std::string kPython = "/usr/bin/python3";

json checked(const PlainNet& net) {
  const support::TempFolder folder;
  const auto file = folder.write("net.onnx", onnx_bytes(net));
  return json::parse(output_of(folder, kPython + script("check_onnx.py") + " " + file.string()));
}

std::set<std::string> state_dict_names(const PlainNet& net) {
  std::set<std::string> names;
  for (const NamedTensor& one : net.tensors) names.insert(state_dict_name(net.spec, one.name));
  return names;
}

TEST(Onnx, IsAcceptedByItsChecker) {
  if (!succeeds(kPython + " -c 'import onnx'")) {
    GTEST_SKIP() << kPython << " has no onnx here (Debian: python3-onnx)";
  }
  for (const PlainNet& net : exported_nets()) {
    const json file = checked(net);
    const std::string& name = net.spec.name;
    EXPECT_EQ(file["ir"], 5) << name;
    EXPECT_EQ(file["opset"], json::object({{"", 10}})) << name;
    EXPECT_EQ(file["producer"], "concertina") << name;
    EXPECT_EQ(file["inputs"], json({{"images", {"N", 3, 16, 16}}})) << name;
    EXPECT_EQ(file["outputs"], json({{"logits", {"N", 10}}})) << name;
    EXPECT_EQ(file["inferred"], json({"N", 10})) << name;
    // Of every node but the last, whose value is the output.
    EXPECT_EQ(file["shapes"], file["nodes"].size() - 1) << name;
    auto initializers = file["initializers"].get<std::set<std::string>>();
    initializers.erase("mean.share");  // no weight
    EXPECT_EQ(initializers, state_dict_names(net)) << name;
    for (const auto& [key, value] : facts(net)) EXPECT_EQ(file["metadata"][key], value) << name;
  }
}

TEST(Onnx, ANodeHasTheNameOfItsLayer) {
  if (!succeeds(kPython + " -c 'import onnx'")) {
    GTEST_SKIP() << kPython << " has no onnx here (Debian: python3-onnx)";
  }
  const FlexibleNet net = example_net(every_kind_spec());
  const json file = checked(plain_net(net.extract({}, Exits::only), example_card()));
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"first.conv", "Conv"},
      {"first.norm", "BatchNormalization"},
      {"first.activation", "Relu"},
      {"second.depthwise", "Conv"},
      {"second.norm", "BatchNormalization"},
      {"second", "Clip"},
      {"third.conv", "Conv"},
      {"two", "Add"},
      {"three", "Sum"},
      {"three.norm", "BatchNormalization"},
      {"mean.sum", "Sum"},
      {"mean", "Mul"},
      {"half.conv", "Conv"},
      {"window.padded", "Pad"},
      {"window", "AveragePool"},
      {"both", "Concat"},
      {"global", "GlobalAveragePool"},
      {"vector", "Conv"},
      {"link.conv", "Conv"},
      {"linked", "Concat"},
      {"logits.flat", "Flatten"},
      {"logits", "Gemm"}};
  EXPECT_EQ(file["nodes"], json(expected));
  EXPECT_EQ(file["initializers"][0], "mean.share");
  EXPECT_EQ(file["initializers"][1], "features.0.0.weight");
}

TEST(Onnx, AMultiSegmentActivationIsAcceptedByItsChecker) {
  if (!succeeds(kPython + " -c 'import onnx'")) {
    GTEST_SKIP() << kPython << " has no onnx here (Debian: python3-onnx)";
  }
  const NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16}, {"activation=lma"});
  const json file = checked(example_plain(example_net(spec), {Width(), 1}));
  EXPECT_EQ(file["inferred"], json({"N", 10}));
  EXPECT_EQ(file["shapes"], file["nodes"].size() - 1);
  const auto nodes = file["nodes"].get<std::vector<std::pair<std::string, std::string>>>();
  EXPECT_EQ(std::count(nodes.begin(), nodes.end(),
                       std::pair<std::string, std::string>("stem.activation", "Add")),
            1);
  const auto initializers = file["initializers"].get<std::set<std::string>>();
  for (const std::string one : {"first", "length", "slopes", "offsets"}) {
    EXPECT_EQ(initializers.count("stem.activation." + one), 1U) << one;
  }
}

PlainNet two_bit_net() {
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
  spec.widths = parse_widths("1@2 1");
  return example_plain(example_net(spec), {spec.widths[0], 1});
}

TEST(Onnx, ARoundedMapIsAcceptedByItsChecker) {
  if (!succeeds(kPython + " -c 'import onnx'")) {
    GTEST_SKIP() << kPython << " has no onnx here (Debian: python3-onnx)";
  }
  const json file = checked(two_bit_net());
  EXPECT_EQ(file["inferred"], json({"N", 10}));
  EXPECT_EQ(file["shapes"], file["nodes"].size() - 1);
  const auto nodes = file["nodes"].get<std::vector<std::pair<std::string, std::string>>>();
  EXPECT_EQ(std::count(nodes.begin(), nodes.end(),
                       std::pair<std::string, std::string>("stem.activation.whole", "Floor")),
            1);
  const auto initializers = file["initializers"].get<std::set<std::string>>();
  for (const std::string one : {"per_step", "half", "step"}) {
    EXPECT_EQ(initializers.count("stem.activation." + one), 1U) << one;
  }
}

// What lies at a jump may fall on its other side.
TEST(Onnx, OthersRoundMapsTheSame) {
  std::vector<std::string> programs;
#ifdef CONCERTINA_ONNX_OPENCV
  programs.push_back(CONCERTINA_ONNX_OPENCV);
#endif
  const std::string python = python_of("CONCERTINA_ONNXRUNTIME_PYTHON");
  if (!python.empty()) programs.push_back(python + script("run_onnx.py"));
  if (programs.empty()) GTEST_SKIP() << "neither OpenCV nor ONNX Runtime here";
  const PlainNet plain = two_bit_net();
  FlexibleNet net = net_of(plain);
  const at::Tensor images = images_for(plain.spec, 4);
  for (const std::string& program : programs) {
    EXPECT_TRUE(
        close(logits_from(program, onnx_bytes(plain), images), logits_of(net, images, {}), 1e-2))
        << program;
  }
}

TEST(Onnx, GivesTheSameLogitsInOpenCv) {
#ifdef CONCERTINA_ONNX_OPENCV
  expect_same_logits(CONCERTINA_ONNX_OPENCV, onnx_bytes, kTolerance);
#else
  GTEST_SKIP() << "built without OpenCV (Debian: libopencv-dnn-dev)";
#endif
}

TEST(Onnx, GivesTheSameLogitsInOnnxRuntime) {
  const std::string python = python_of("CONCERTINA_ONNXRUNTIME_PYTHON");
  if (python.empty()) {
    GTEST_SKIP() << "CONCERTINA_ONNXRUNTIME_PYTHON names no python that can import onnxruntime";
  }
  expect_same_logits(python + script("run_onnx.py"), onnx_bytes, kTolerance);
}

TEST(Onnx, TheSameNetGivesTheSameBytes) {
  const FlexibleNet net = example_net("msdnet-tiny");
  const Subnet subnet{Width(), 2};
  EXPECT_EQ(onnx_bytes(example_plain(net, subnet)), onnx_bytes(example_plain(net, subnet)));
}

// No memory stands behind the tensor.
TEST(Onnx, WhatAFileCannotHoldIsRefused) {
  PlainNet net = example_plain(example_net("slimmable-mobilenet-v1-tiny"), {Width(), 1});
  net.tensors[0].value = at::zeros({1}).expand({std::int64_t{1} << 29});
  try {
    onnx_bytes(net);
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "sub-model w0.500 of net \"slimmable-mobilenet-v1-tiny\" takes 2GiB; expected "
                 "less than 2GiB, which is all that an ONNX file can hold");
  }
}

}  // namespace
}  // namespace concertina::deploy
