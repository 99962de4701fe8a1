#include "concertina/deploy/export.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/deploy/flexible_model.h"
#include "concertina/deploy/onnx.h"
#include "concertina/deploy/torchscript.h"
#include "concertina/store/state_dict.h"

#include "support/temp_folder.h"

#include "every_kind.h"
#include "example.h"

namespace concertina::deploy {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Case {
  PlainNet net;
  Samples samples;
};

Case example_case(FlexibleNet net, const Subnet& subnet, bool folded) {
  PlainNet plain = plain_net(net.extract(subnet, Exits::only), example_card());
  if (folded) plain = fold(plain);
  const at::Tensor images = images_for(net.spec());
  return {plain, {images, {logits_of(net, images, subnet)}}};
}

TEST(Export, EveryFormatIsReadAgainAndAnswersAsTheNet) {
  const support::TempFolder folder;
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const bool folded : {true, false}) {
      const Case one = example_case(example_net(name), {Width::parse("0.5"), 1}, folded);
      for (const FormatEntry& format : formats()) {
        const fs::path file = folder / (format.name + format.suffix);
        const Proof proof = write_net(one.net, format.format, file, one.samples);
        EXPECT_EQ(proof.images, 4);
        EXPECT_LT(proof.difference, 1e-5) << name << " " << format.name;
        EXPECT_TRUE(fs::exists(file));
      }
    }
  }
}

TEST(Export, MultiSegmentActivationsAreInEveryFormat) {
  const support::TempFolder folder;
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    for (const bool folded : {true, false}) {
      Case one = example_case(example_net(make_net(name, {10, 3, 16, 16}, {"activation=lma"})),
                              {Width::parse("0.5"), 1}, folded);
      for (const FormatEntry& format : formats()) {
        write_net(one.net, format.format, folder / format.name, one.samples);
        EXPECT_TRUE(fs::exists(folder / format.name));
      }
      one.samples.logits[0] = at::mul(one.samples.logits[0], 1.02);
      for (const FormatEntry& format : formats()) {
        EXPECT_THROW(write_net(one.net, format.format, folder / "x", one.samples), DataError);
      }
    }
  }
}

// One operator at a time, so that no rounding comes between.
TEST(Export, MultiSegmentActivationsAreWrittenAsTheyAre) {
  NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16}, {"activation=lma"});
  const Layer activation = spec.layers[3];
  spec.layers = {spec.layers[0], activation, spec.layers[spec.layers.size() - 2],
                 spec.layers.back()};
  for (int k = 1; k < 4; ++k) spec.layers[static_cast<std::size_t>(k)].inputs = {k - 1};
  spec.exits = {3};
  spec.widths = {Width()};
  FlexibleNet net = example_net(spec);
  const PlainNet plain = plain_net(net, example_card());
  const at::Tensor images = images_for(spec);
  const at::Tensor expected = logits_of(net, images, {});
  EXPECT_TRUE(close(run_onnx(onnx_bytes(plain), images), expected, 1e-6));
  EXPECT_TRUE(close(run_torchscript(torchscript_bytes(plain), images), expected, 1e-6));
}

NetSpec spec_with(const std::string& name, const std::string& widths) {
  NetSpec spec = make_net(name, {10, 3, 16, 16});
  spec.widths = parse_widths(widths);
  return spec;
}

TEST(Export, FewerBitsAreInEveryFormat) {
  const support::TempFolder folder;
  for (const char* name : {"slimmable-mobilenet-v1-tiny", "msdnet-tiny"}) {
    FlexibleNet net = example_net(spec_with(name, "1@1 1@2 1@4 1@8 1"));
    const at::Tensor images = images_for(net.spec());
    for (const Width width : net.widths()) {
      const Subnet subnet{width, 1};
      Samples samples{images, {logits_of(net, images, subnet)}};
      const PlainNet plain = fold(plain_net(net.extract(subnet, Exits::only), example_card()));
      for (const FormatEntry& format : formats()) {
        const Proof proof = write_net(plain, format.format, folder / format.name, samples);
        EXPECT_EQ(proof.tolerance, width.is_quantized() ? kJumpTolerance : kExportTolerance);
        EXPECT_LT(proof.difference, 2e-3) << name << " " << width.text() << " " << format.name;
      }
      samples.logits[0] = at::mul(samples.logits[0], 1.02);
      for (const FormatEntry& format : formats()) {
        EXPECT_THROW(write_net(plain, format.format, folder / "x", samples), DataError);
      }
    }
  }
}

// One operator at a time, so that no rounding comes between.
TEST(Export, RoundedMapsAreWrittenAsTheyAre) {
  for (int bits = 1; bits <= Width::kMostBits; ++bits) {
    NetSpec spec = make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16});
    Layer activation = spec.layers[3];
    activation.bits = bits;
    spec.layers = {spec.layers[0], activation, spec.layers[spec.layers.size() - 2],
                   spec.layers.back()};
    for (int k = 1; k < 4; ++k) spec.layers[static_cast<std::size_t>(k)].inputs = {k - 1};
    spec.exits = {3};
    spec.widths = {Width()};
    FlexibleNet net = example_net(spec);
    const PlainNet plain = plain_net(net, example_card());
    const at::Tensor images = images_for(spec);
    const at::Tensor expected = logits_of(net, images, {});
    EXPECT_TRUE(close(run_onnx(onnx_bytes(plain), images), expected, 1e-6)) << bits;
    EXPECT_TRUE(close(run_torchscript(torchscript_bytes(plain), images), expected, 1e-6)) << bits;
  }
}

// A folded norm would give every channel a grid of its own.
TEST(Export, WeightsOfFewerBitsStayOnTheirGrid) {
  const FlexibleNet net = example_net(spec_with("slimmable-mobilenet-v1-tiny", "1@2 1"));
  const PlainNet plain = example_plain(net, {Width::parse("1@2"), 1});
  int rounded = 0, norms = 0;
  for (const Layer& layer : plain.spec.layers) {
    norms += layer.kind == LayerKind::norm ? 1 : 0;
    if (layer.bits == Width::kFullBits || layer.kind == LayerKind::activation) continue;
    ++rounded;
    for (const NamedTensor& tensor : plain.tensors) {
      if (tensor.name != layer.name + "/weight") continue;
      EXPECT_LE(std::get<0>(at::_unique(tensor.value)).numel(), 4) << layer.name;
    }
  }
  EXPECT_EQ(rounded, 10);
  EXPECT_EQ(norms, rounded);
}

TEST(Export, AllPrecisionsAreOneFile) {
  const support::TempFolder folder;
  FlexibleNet net = example_net(spec_with("slimmable-mobilenet-v1-tiny", "0.5@4 1@2 1@4 1"));
  Samples samples{images_for(net.spec()), {}};
  std::vector<Measurement> rows;
  for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
    rows.push_back(unmeasured(net.spec(), subnet));
    samples.logits.push_back(logits_of(net, samples.images, subnet));
  }
  const Proof proof = write_all(model_of(net, example_card(), rows), folder / "m.h5", samples);
  EXPECT_LT(proof.difference, 1e-5);
  EXPECT_EQ(proof.tolerance, kJumpTolerance);
  const FlexibleModel model = FlexibleModel::load(folder / "m.h5", 1);
  EXPECT_EQ(model.submodel("w1.000@2").subnet.width, Width::parse("1@2"));
  EXPECT_TRUE(same_bytes(model.forward(samples.images, rows[1].subnet), samples.logits[1]));
}

TEST(Export, ASmallerSubModelIsASmallerFile) {
  const support::TempFolder folder;
  for (const FormatEntry& format : formats()) {
    std::uintmax_t last = 0;
    for (const char* width : {"0.25", "0.5", "1"}) {
      const Case one =
          example_case(example_net("slimmable-mobilenet-v1-small"), {Width::parse(width), 1}, true);
      write_net(one.net, format.format, folder / "x", one.samples);
      EXPECT_GT(fs::file_size(folder / "x"), last) << format.name;
      last = fs::file_size(folder / "x");
    }
    EXPECT_LT(last, 400U << 10U) << format.name;  // 45k parameters
  }
}

TEST(Export, AFileThatAnswersOtherwiseIsNotLeftBehind) {
  const support::TempFolder folder;
  Case one =
      example_case(example_net("slimmable-mobilenet-v1-tiny"), {Width::parse("0.5"), 1}, true);
  one.samples.logits[0] = at::mul(one.samples.logits[0], 1.01);
  for (const FormatEntry& format : formats()) {
    const fs::path file = folder / format.name;
    folder.write(format.name, "old");
    try {
      write_net(one.net, format.format, file, one.samples);
      FAIL() << "accepted";
    } catch (const DataError& error) {
      EXPECT_THAT(error.what(), HasSubstr("does not answer as the net does"));
    }
    EXPECT_EQ(read_file(file), "old") << format.name;
    EXPECT_FALSE(fs::exists(file.string() + ".part"));
  }
}

TEST(Export, StateDictsOfNormsHaveTheirCounter) {
  const support::TempFolder folder;
  const Case one = example_case(example_net("slimmable-mobilenet-v1-tiny"), {}, false);
  write_net(one.net, Format::pt, folder / "x.pt", one.samples);
  int counters = 0, means = 0;
  for (const NamedTensor& tensor : read_state_dict(folder / "x.pt").tensors) {
    counters += tensor.name.find("num_batches_tracked") != std::string::npos ? 1 : 0;
    means += tensor.name.find("running_mean") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(means, 0);
  EXPECT_EQ(counters, means);
}

TEST(Export, StateDictsOfMultiSegmentActivationsHaveTheirTensorsAndNoCounter) {
  const support::TempFolder folder;
  const Case one = example_case(
      example_net(make_net("slimmable-mobilenet-v1-tiny", {10, 3, 16, 16}, {"activation=lma"})), {},
      false);
  write_net(one.net, Format::pt, folder / "x.pt", one.samples);
  std::vector<std::string> names;
  for (const NamedTensor& tensor : read_state_dict(folder / "x.pt").tensors) {
    if (tensor.name.rfind("stem.activation", 0) == 0) names.push_back(tensor.name);
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("stem.activation.weight", "stem.activation.bias",
                                                   "stem.activation.running_mean",
                                                   "stem.activation.running_var"));
}

TEST(Export, SafetensorsHoldTheFacts) {
  const support::TempFolder folder;
  const Case one = example_case(example_net("slimmable-mobilenet-v1-tiny"), {}, true);
  write_net(one.net, Format::safetensors, folder / "x", one.samples);
  const StateDict state = read_state_dict(folder / "x");
  EXPECT_THAT(state.metadata, testing::Contains(std::pair<std::string, std::string>(
                                  "net", "slimmable-mobilenet-v1-tiny")));
}

TEST(Export, AnOrdinaryModelFileIsAFlexibleModelOfOneSubModel) {
  const support::TempFolder folder;
  const Case one = example_case(example_net("msdnet-tiny"), {Width::parse("0.5"), 2}, true);
  write_net(one.net, Format::h5, folder / "m.h5", one.samples);
  const FlexibleModel model = FlexibleModel::load(folder / "m.h5", 1);
  ASSERT_EQ(model.submodels().size(), 1U);
  EXPECT_EQ(model.origin("submodel"), "w0.500");
  EXPECT_EQ(model.pick({}).accuracy, 0.75);
  EXPECT_EQ(model.submodels()[0].cost.params, cost(one.net.spec, resolve(one.net.spec, {})).params);
}

TEST(Export, AllSubModelsAreCheckedEach) {
  const support::TempFolder folder;
  FlexibleNet net = example_net("msdnet-tiny");
  Samples samples{images_for(net.spec()), {}};
  std::vector<Measurement> rows;
  for (const Subnet& subnet : all_subnets(net.spec(), net.widths())) {
    Measurement row;
    row.id = subnet_id(net.spec(), subnet);
    row.subnet = subnet;
    rows.push_back(row);
    samples.logits.push_back(logits_of(net, samples.images, subnet));
  }
  const ModelState model = model_of(net, example_card(), rows);
  EXPECT_LT(write_all(model, folder / "m.h5", samples).difference, 1e-5);
  samples.logits[4] = at::add(samples.logits[4], 1);
  try {
    write_all(model, folder / "other.h5", samples);
    FAIL() << "accepted";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("other.h5, w1.000-e2 does not answer"));
  }
  EXPECT_FALSE(fs::exists(folder / "other.h5"));
}

// Every kind of layer, also those that the catalog's nets do not have.
TEST(Export, WhatWasWrittenIsUnderstoodForEveryKindOfLayer) {
  FlexibleNet net = example_net(every_kind_spec());
  const at::Tensor images = images_for(net.spec());
  const at::Tensor expected = logits_of(net, images, {});
  const PlainNet plain = plain_net(net.extract({}, Exits::only), example_card());
  for (const PlainNet& each : {plain, fold(plain)}) {
    EXPECT_TRUE(close(run_onnx(onnx_bytes(each), images), expected, 1e-5));
    EXPECT_TRUE(close(run_torchscript(torchscript_bytes(each), images), expected, 1e-5));
  }
}

TEST(Export, ADamagedOnnxFileIsRefused) {
  const Case one =
      example_case(example_net("slimmable-mobilenet-v1-tiny"), {Width::parse("0.25"), 1}, true);
  const std::string bytes = onnx_bytes(one.net);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 60) {
    EXPECT_THROW(run_onnx(bytes.substr(0, size), one.samples.images), DataError) << size;
  }
}

}  // namespace
}  // namespace concertina::deploy
