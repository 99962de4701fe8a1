// One layer at a time through the fused engine, against the plain engine in float64: every kind,
// and the shapes that the catalog's nets have. A tensor's error is measured by its largest
// element.
#include <ATen/Functions.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "concertina/kernels/matmul.h"
#include "concertina/nn/flexible_net.h"

#include "support/nets.h"
#include "support/tensors.h"

namespace concertina {
namespace {

struct Case {
  std::string name;
  LayerKind kind;
  int in_channels, channels;  // the same of a depthwise layer
  int size, kernel, stride, padding;
  enum Behind { bare, norm, relu, relu6 } behind;
};

const std::vector<Case> kCases = {
    {"pointwise", LayerKind::conv, 32, 64, 16, 1, 1, 0, Case::relu6},
    {"pointwise of few channels", LayerKind::conv, 5, 6, 9, 1, 1, 0, Case::relu},
    {"pointwise by 2", LayerKind::conv, 16, 24, 8, 1, 2, 0, Case::relu},
    {"stem", LayerKind::conv, 3, 32, 32, 3, 1, 1, Case::relu6},
    {"stem by 2", LayerKind::conv, 3, 8, 32, 3, 2, 1, Case::relu},
    {"3x3 of few channels", LayerKind::conv, 24, 6, 16, 3, 1, 1, Case::relu},
    {"3x3 by 2 of odd size", LayerKind::conv, 22, 12, 9, 3, 2, 1, Case::relu},
    {"3x3 of one pixel", LayerKind::conv, 8, 8, 1, 3, 1, 1, Case::bare},
    {"5x5", LayerKind::conv, 4, 10, 11, 5, 1, 2, Case::norm},
    {"depthwise", LayerKind::depthwise, 48, 48, 16, 3, 1, 1, Case::relu6},
    {"depthwise by 2", LayerKind::depthwise, 40, 40, 16, 3, 2, 1, Case::relu6},
    {"depthwise by 2 of odd size", LayerKind::depthwise, 9, 9, 7, 3, 2, 1, Case::relu},
    {"depthwise of 2x2", LayerKind::depthwise, 64, 64, 2, 3, 1, 1, Case::relu6},
    {"depthwise 5x5", LayerKind::depthwise, 17, 17, 8, 5, 1, 2, Case::norm}};

// The layer with what stands behind it; then pool and classifier. In front of it a 1x1 convolution
// with ReLU6, so that there is a gradient to hand on (and no norm: in front of another one the
// gradient of its weight cancels to nothing).
NetSpec net_of(const Case& one, bool with_norm) {
  NetSpec spec;
  spec.name = "one-layer";
  spec.classes = 10;
  spec.in_channels = 3;
  spec.in_height = spec.in_width = one.size;
  spec.divisor = 1;
  spec.widths = {Width()};
  const auto add = [&](const std::string& name, LayerKind kind) -> Layer& {
    Layer layer;
    layer.name = name;
    layer.kind = kind;
    if (!spec.layers.empty()) layer.inputs = {static_cast<int>(spec.layers.size()) - 1};
    spec.layers.push_back(layer);
    return spec.layers.back();
  };
  add("input", LayerKind::input).channels = spec.in_channels;
  add("front.conv", LayerKind::conv).channels = one.in_channels;
  add("front.activation", LayerKind::activation).activation = Activation::relu6;
  Layer& layer = add("layer", one.kind);
  if (one.kind == LayerKind::conv) layer.channels = one.channels;
  layer.kernel = one.kernel;
  layer.stride = one.stride;
  layer.padding = one.padding;
  if (with_norm && one.behind != Case::bare) add("norm", LayerKind::norm);
  if (one.behind == Case::relu || one.behind == Case::relu6) {
    add("activation", LayerKind::activation).activation =
        one.behind == Case::relu ? Activation::relu : Activation::relu6;
  }
  add("pool", LayerKind::pool);
  add("classifier", LayerKind::linear).channels = spec.classes;
  spec.exits = {static_cast<int>(spec.layers.size()) - 1};
  check(spec);
  return spec;
}

struct Outcome {
  at::Tensor logits, image_gradient;
  std::vector<Parameter> parameters, norms;
};

Outcome run(FlexibleNet& net, const at::Tensor& images) {
  Outcome outcome;
  at::Tensor leaf = images.detach().clone().set_requires_grad(true);
  const auto logits = net.forward(leaf, {Width(), 1}, Pass::train);
  const at::Tensor gradient = random_images(logits[0].sizes(), 100).to(leaf.scalar_type());
  torch::autograd::backward({logits[0]}, {gradient});
  outcome.logits = logits[0].detach();
  outcome.image_gradient = leaf.grad();
  outcome.parameters = net.parameters();
  outcome.norms = net.norms(Width());
  return outcome;
}

// The same pass by the fused engine and, in float64, by the plain one.
struct Pair {
  Pair(const NetSpec& spec, Precision precision) {
    FlexibleNet fused(spec, spec.widths, {}, 3, at::kCPU);
    fused.set_engine(Engine::fused, precision);
    FlexibleNet exact(spec, spec.widths, {}, 3, at::kCPU);
    exact.set_engine(Engine::plain);
    widen(exact);
    const at::Tensor images =
        random_images({16, spec.in_channels, spec.in_height, spec.in_width}, 5);
    ours = run(fused, images);
    truth = run(exact, images.to(at::kDouble));
  }
  Outcome ours, truth;
};

TEST(FusedLayers, AreFloat64sWithinATenthOfAPerMille) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const Pair pair(net_of(one, true), Precision::fp32);
    EXPECT_TRUE(close(pair.ours.logits, pair.truth.logits, 1e-4));
    EXPECT_TRUE(close(pair.ours.image_gradient, pair.truth.image_gradient, 1e-4));
    for (std::size_t k = 0; k < pair.truth.parameters.size(); ++k) {
      const Parameter& truth = pair.truth.parameters[k];
      EXPECT_TRUE(close(pair.ours.parameters[k].value.grad(), truth.value.grad(), 1e-4))
          << truth.name;
    }
    for (std::size_t k = 0; k < pair.truth.norms.size(); ++k) {
      const Parameter& truth = pair.truth.norms[k];
      EXPECT_TRUE(close(pair.ours.norms[k].value, truth.value, 1e-4)) << truth.name;
    }
  }
}

double error(const at::Tensor& ours, const at::Tensor& truth) {
  const at::Tensor difference = at::sub(ours.to(at::kDouble), truth);
  return at::norm(difference).item<double>() / at::norm(truth).item<double>();
}

// Without norms, whose gradients are small differences of large ones here. The length of the error:
// where a rounding takes a value over a ReLU's corner, single elements are altogether wrong.
TEST(FusedLayers, InBfloat16TheyAreNearFloat64s) {
  if (!kernels::has_bfloat16()) GTEST_SKIP() << "no bfloat16 products here";
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const Pair pair(net_of(one, false), Precision::bf16);
    EXPECT_LE(error(pair.ours.logits, pair.truth.logits), 0.01);
    EXPECT_LE(error(pair.ours.image_gradient, pair.truth.image_gradient), 0.1);
    for (std::size_t k = 0; k < pair.truth.parameters.size(); ++k) {
      const Parameter& truth = pair.truth.parameters[k];
      EXPECT_LE(error(pair.ours.parameters[k].value.grad(), truth.value.grad()), 0.06)
          << truth.name;
    }
  }
}

}  // namespace
}  // namespace concertina
