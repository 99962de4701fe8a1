#include "concertina/deploy/torchscript.h"

#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "readers.h"

namespace concertina::deploy {
namespace {

using nlohmann::json;
using torch::jit::Module;

// The same operations, but frozen or under another LibTorch a convolution may sum otherwise.
constexpr double kTolerance = 1e-6;

const char* const kPythonVariable = "CONCERTINA_TORCH_PYTHON";

Module loaded(const PlainNet& net, torch::jit::ExtraFilesMap& extra) {
  std::istringstream stream(torchscript_bytes(net));
  return torch::jit::load(stream, at::kCPU, extra);
}

Module loaded(const PlainNet& net) {
  torch::jit::ExtraFilesMap extra;
  return loaded(net, extra);
}

json as_json(const Facts& all) {
  json object = json::object();
  for (const auto& [key, value] : all) object[key] = value;
  return object;
}

TEST(TorchScript, GivesTheSameLogitsLoadedAndFrozen) {
  const at::NoGradGuard guard;
  for (const PlainNet& plain : exported_nets()) {
    FlexibleNet net = net_of(plain);
    Module module = loaded(plain);
    Module frozen = torch::jit::freeze(module);
    for (const std::int64_t batch : {1, 3}) {
      const std::string which = plain.spec.name + ", batch " + std::to_string(batch);
      const at::Tensor images = images_for(plain.spec, batch);
      const at::Tensor expected = logits_of(net, images, {});
      EXPECT_TRUE(close(module.forward({images}).toTensor(), expected, kTolerance)) << which;
      EXPECT_TRUE(close(frozen.forward({images}).toTensor(), expected, kTolerance)) << which;
    }
  }
}

TEST(TorchScript, HoldsTheWeightsByTheirNames) {
  for (const PlainNet& plain : exported_nets()) {
    const Module module = loaded(plain);
    EXPECT_FALSE(module.is_training());
    std::map<std::string, at::Tensor> held;
    for (const auto& one : module.named_parameters()) {
      EXPECT_THAT(one.name, testing::Not(testing::HasSubstr(".running_")));
      held[one.name] = one.value;
    }
    for (const auto& one : module.named_buffers()) {
      EXPECT_THAT(one.name, testing::HasSubstr(".running_"));
      held[one.name] = one.value;
    }
    EXPECT_EQ(held.size(), plain.tensors.size()) << plain.spec.name;
    for (const NamedTensor& one : plain.tensors) {
      EXPECT_TRUE(same_bytes(held[state_dict_name(plain.spec, one.name)], one.value)) << one.name;
    }
  }
}

TEST(TorchScript, SaysWhatItIs) {
  const PlainNet plain = example_plain(example_net("slimmable-mobilenet-v1-tiny"), {Width(), 1});
  torch::jit::ExtraFilesMap extra{{"concertina.json", ""}};
  const Module module = loaded(plain, extra);
  const json expected = as_json(facts(plain));
  EXPECT_EQ(json::parse(extra.at("concertina.json")), expected);
  EXPECT_EQ(module.attr("classes").toListRef()[9].toStringRef(), "class 9");
  EXPECT_EQ(module.attr("mean").toDoubleVector(), std::vector<double>({0.5, 0.25, 0.1F}));
  EXPECT_EQ(module.attr("deviation").toDoubleVector(), std::vector<double>({0.2F, 0.3F, 0.4F}));
  json all = json::object();
  for (const auto& one : module.attr("facts").toGenericDict()) {
    all[one.key().toStringRef()] = one.value().toStringRef();
  }
  EXPECT_EQ(all, expected);
}

TEST(TorchScript, TheSameNetGivesTheSameBytes) {
  const FlexibleNet net = example_net("msdnet-tiny");
  const Subnet subnet{Width(), 2};
  EXPECT_EQ(torchscript_bytes(example_plain(net, subnet)),
            torchscript_bytes(example_plain(net, subnet)));
}

TEST(TorchScript, IsReadByPython) {
  const std::string python = python_of(kPythonVariable);
  if (python.empty()) GTEST_SKIP() << kPythonVariable << " names no python that can import torch";
  const std::string program = python + script("run_torchscript.py");
  expect_same_logits(program, torchscript_bytes, kTolerance);
  const support::TempFolder folder;
  const PlainNet plain = exported_nets().back();
  const std::string file = folder.write("net.pt", torchscript_bytes(plain)).string();
  const json found = json::parse(output_of(folder, program + " " + file));
  std::set<std::string> names;
  for (const NamedTensor& one : plain.tensors) names.insert(state_dict_name(plain.spec, one.name));
  EXPECT_EQ(found["names"].get<std::set<std::string>>(), names);
  EXPECT_EQ(found["parameters"].size(), 17U);  // of 23: not the statistics of three norms
  EXPECT_EQ(found["training"], false);
  EXPECT_EQ(found["classes"], json(plain.card.classes));
  EXPECT_EQ(found["mean"], json({0.5, 0.25, static_cast<double>(0.1F)}));
  EXPECT_EQ(found["facts"], as_json(facts(plain)));
  EXPECT_EQ(found["extra"], as_json(facts(plain)));
}

}  // namespace
}  // namespace concertina::deploy
