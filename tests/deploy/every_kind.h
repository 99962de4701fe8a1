// A net with every kind of layer, and what the catalog's nets have none of: a convolution with a
// bias in front of its norm, a norm that cannot be folded, sums of two and three, a mean, a pool
// with a window and a padding, a linear layer inside.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "concertina/spec/net_spec.h"

namespace concertina::deploy {

class EveryKind {
 public:
  EveryKind() {
    spec_.name = "every-kind";
    spec_.classes = 10;
    spec_.in_channels = 3;
    spec_.in_height = spec_.in_width = 16;
    spec_.widths = {Width()};
    spec_.layers.resize(1);
    spec_.layers[0].name = "input";
    const int first = norm(conv(0, "first.conv", 8, 3, 1), "first.norm", "features.0.1");
    const int wide = activation(first, "first.activation", Activation::relu);
    const int deep = conv(wide, "second.depthwise", 0, 3, 2);
    const int second = activation(norm(deep, "second.norm", ""), "second", Activation::relu6);
    const int third = conv(second, "third.conv", 8, 1, 1);
    const int two = join(LayerKind::add, {second, third}, "two");
    const int three = norm(join(LayerKind::add, {second, third, two}, "three"), "three.norm", "");
    const int mean = join(LayerKind::mean, {three, third}, "mean");
    const int half = conv(mean, "half.conv", 5, 1, 2);
    const int both = join(LayerKind::concat, {pool(three, "window", Pool::average), half}, "both");
    const int global = pool(both, "global", Pool::global_average);
    Layer vector = layer(LayerKind::linear, {global}, "vector");
    vector.channels = 7;
    const int linked = conv(add(vector), "link.conv", 6, 1, 1);
    Layer exit =
        layer(LayerKind::linear, {join(LayerKind::concat, {global, linked}, "linked")}, "logits");
    exit.channels = spec_.classes;
    exit.module = "classifier.1";
    spec_.exits = {add(exit)};
    check(spec_);
  }

  const NetSpec& spec() const { return spec_; }

 private:
  static Layer layer(LayerKind kind, std::vector<int> inputs, const std::string& name) {
    Layer one;
    one.kind = kind;
    one.inputs = std::move(inputs);
    one.name = name;
    return one;
  }

  int add(const Layer& layer) {
    spec_.layers.push_back(layer);
    return static_cast<int>(spec_.layers.size()) - 1;
  }

  // channels 0: depthwise. The first two have a bias.
  int conv(int input, const std::string& name, int channels, int kernel, int stride) {
    Layer one = layer(channels == 0 ? LayerKind::depthwise : LayerKind::conv, {input}, name);
    one.channels = channels;
    one.kernel = kernel;
    one.stride = stride;
    one.padding = kernel / 2;
    one.bias = kernel == 3;
    if (input == 0) one.module = "features.0.0";
    return add(one);
  }

  int norm(int input, const std::string& name, const std::string& module) {
    Layer one = layer(LayerKind::norm, {input}, name);
    one.module = module;
    return add(one);
  }

  int activation(int input, const std::string& name, Activation activation) {
    Layer one = layer(LayerKind::activation, {input}, name);
    one.activation = activation;
    return add(one);
  }

  int join(LayerKind kind, const std::vector<int>& inputs, const std::string& name) {
    return add(layer(kind, inputs, name));
  }

  int pool(int input, const std::string& name, Pool pool) {
    Layer one = layer(LayerKind::pool, {input}, name);
    one.pool = pool;
    if (pool == Pool::average) {
      one.kernel = 3;
      one.stride = 2;
      one.padding = 1;
    }
    return add(one);
  }

  NetSpec spec_;
};

inline NetSpec every_kind_spec() { return EveryKind().spec(); }

}  // namespace concertina::deploy
