// Which tensor of PyTorch's is which of ours, and that the net computes the same with them.
#include "concertina/experiment/foreign_weights.h"

#include <cmath>

#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include "concertina/core/error.h"
#include "concertina/nets/catalog.h"

#include "support/temp_folder.h"

#include "cli/reference_nets.h"

namespace concertina::experiment {
namespace {

using support::reference_net;
using support::ReferenceNet;
using testing::HasSubstr;

// As `concertina import` would, from the reference's arguments and `widths`, if any.
FlexibleNet import_net(const ReferenceNet& reference, const StateDict& state,
                       const NameMap& map = {}, std::string widths = "") {
  std::string name;
  std::vector<std::string> settings;
  for (std::size_t k = 0; k < reference.arguments.size(); k += 2) {
    const std::string& value = reference.arguments[k + 1];
    if (reference.arguments[k] == "--net") name = value;
    if (reference.arguments[k] == "--net-option") settings.push_back(value);
    if (reference.arguments[k] == "--widths" && widths.empty()) widths = value;
  }
  const NetSpec spec = make_net(name, {}, settings);
  const ForeignWeights weights(state, map, "x.pt");
  FlexibleNet net(spec, widths.empty() ? spec.widths : parse_widths(widths),
                  {weights.sharing(spec), 0.1}, 0, at::kCPU);
  weights.copy_into(net);
  return net;
}

std::string refusal(const std::string& name, const StateDict& state, const NameMap& map = {},
                    const std::string& widths = "") {
  try {
    import_net(reference_net(name), state, map, widths);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

// Every kind of norms, full and narrow widths, every exit, and every shape of MSDNet that the
// published code knows.
TEST(ForeignWeights, ComputeWhatPyTorchComputes) {
  ASSERT_EQ(support::reference_nets().size(), 8U);
  for (const ReferenceNet& one : support::reference_nets()) {
    FlexibleNet net = import_net(one, one.state);
    support::expect_logits(net, one);
  }
}

TEST(ForeignWeights, WhatDoesNotFitIsCountedAndNamed) {
  StateDict state = reference_net("s-mobilenet").state;
  state.tensors[0].name = "features.0.0.wait";
  state.tensors.pop_back();  // classifier.0.bias
  state.tensors.back().value = at::zeros({10, 60});
  EXPECT_EQ(refusal("s-mobilenet", state),
            "x.pt does not fit net \"slimmable-mobilenet-v1-tiny\": not in the file: 2 "
            "(features.0.0.weight, classifier.0.bias); not in the net: 1 (features.0.0.wait); of "
            "another shape or type: 1 (classifier.0.weight: [10, 60] found, [10, 61] expected)");
}

TEST(ForeignWeights, LongListsAreCut) {
  StateDict state = reference_net("s-mobilenet").state;
  state.tensors.resize(state.tensors.size() - 5);
  EXPECT_THAT(refusal("s-mobilenet", state),
              HasSubstr("not in the file: 5 (classifier.0.weight, classifier.0.bias, "
                        "features.5.body.4.bn.1.bias, ...)"));
}

TEST(ForeignWeights, OtherWidthsAreRefused) {
  EXPECT_THAT(refusal("s-mobilenet", reference_net("s-mobilenet").state, {}, "0.25 0.5 1"),
              HasSubstr("widths in its norms: 2, in the net: 3; expected a net of as many"));
  EXPECT_THAT(refusal("msdnet", reference_net("msdnet").state, {}, "0.5 1"),
              HasSubstr("widths in its norms: 1, in the net: 2; expected a net of as many"));
}

TEST(ForeignWeights, NumbersThatAreNoneAreRefused) {
  StateDict state = reference_net("s-mobilenet").state;
  state.tensors[3].value = at::full_like(state.tensors[3].value, NAN);
  EXPECT_THAT(refusal("s-mobilenet", state), HasSubstr("not finite: 1 (features.0.1.bn.0.r"));
  state.tensors[3].value = at::zeros_like(state.tensors[3].value, at::kLong);
  EXPECT_THAT(refusal("s-mobilenet", state),
              HasSubstr("features.0.1.bn.0.running_mean: [1] integers found, [1] expected"));
}

TEST(ForeignWeights, ParallelNamesAndCountsAreDropped) {
  const ReferenceNet& one = reference_net("s-mobilenet");
  StateDict state = one.state;
  state.tensors.push_back({"features.0.1.bn.0.num_batches_tracked", at::zeros({}, at::kLong), ""});
  for (NamedTensor& tensor : state.tensors) tensor.name = "module." + tensor.name;
  FlexibleNet net = import_net(one, state);
  support::expect_logits(net, one);
  state.tensors.push_back({"other", at::zeros({1}), ""});
  EXPECT_THAT(refusal("s-mobilenet", state), HasSubstr("not in the file: "));
}

NameMap map_of(const std::string& text) {
  const support::TempFolder folder;
  return NameMap(folder.write("names", text).string());
}

TEST(NameMap, Renames) {
  const ReferenceNet& one = reference_net("s-mobilenet");
  StateDict state = one.state;
  for (NamedTensor& tensor : state.tensors) tensor.name = "backbone." + tensor.name;
  state.tensors[0].name = "backbone.first";  // features.0.0.weight
  state.tensors[1].name = "gamma";           // features.0.1.bn.0.weight
  state.tensors.push_back({"extra", at::zeros({1}), ""});
  FlexibleNet net = import_net(one, state,
                               map_of("# theirs\nbackbone. =\nbackbone.first = stem.conv/weight\n"
                                      "gamma = w0.500/stem.norm/weight  # the narrow one's\n"
                                      "extra =\n"));
  support::expect_logits(net, one);
}

TEST(NameMap, IsChecked) {
  const auto refused = [](const std::string& text) {
    try {
      import_net(reference_net("s-mobilenet"), reference_net("s-mobilenet").state, map_of(text));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused("\nfeatures"), HasSubstr("names:2: \"features\"; expected THEIR_NAME = "));
  EXPECT_THAT(refused("a = b\na = c"), HasSubstr("names:2: \"a\" stands twice"));
  EXPECT_THAT(refused("a = b"), HasSubstr("named by the map, but not in the file: 1 (a)"));
  EXPECT_THAT(refused("features.0.0.weight = stem/weight"),
              HasSubstr("not in the file: 1 (features.0.0.weight); not in the net: 1 "
                        "(stem/weight)"));
  EXPECT_THAT(refused("features.1.body.0.weight = stem.conv/weight"),
              HasSubstr("not in the file: 1 (features.1.body.0.weight); not in the net: 1 "
                        "(features.0.0.weight); of another shape or type: 1 (features.0.0.w"));
  EXPECT_THAT(refused("features.0.0.weight = x/bias\nclassifier.0.bias = x/bias"),
              HasSubstr("two tensors would be \"x/bias\""));
  EXPECT_THROW(NameMap("/nonexistent/names"), NoInputError);
}

}  // namespace
}  // namespace concertina::experiment
