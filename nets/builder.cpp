#include "builder.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {

NetBuilder::NetBuilder(std::string name, const NetInput& input, int divisor) {
  net_.name = std::move(name);
  net_.classes = input.classes;
  net_.in_channels = input.channels;
  net_.in_height = input.height;
  net_.in_width = input.width;
  net_.divisor = divisor;
  Layer layer;
  layer.name = "input";
  add(layer);
}

int NetBuilder::add(Layer layer) {
  net_.layers.push_back(std::move(layer));
  return static_cast<int>(net_.layers.size()) - 1;
}

int NetBuilder::conv(int input, const std::string& name, int channels, int kernel, int stride,
                     bool elastic) {
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::conv;
  layer.inputs = {input};
  layer.channels = channels;
  layer.elastic = elastic;
  if (elastic) layer.stage = stage_;
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = kernel / 2;
  return add(layer);
}

int NetBuilder::depthwise(int input, const std::string& name, int kernel, int stride) {
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::depthwise;
  layer.inputs = {input};
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = kernel / 2;
  return add(layer);
}

int NetBuilder::norm_activation(int input, const std::string& name,
                                const NetActivation& activation) {
  Layer norm;
  norm.name = name + ".norm";
  norm.kind = LayerKind::norm;
  norm.inputs = {input};
  Layer layer;
  layer.name = name + ".activation";
  layer.kind = LayerKind::activation;
  layer.inputs = {add(norm)};
  layer.activation = activation.kind;
  layer.segments = activation.segments;
  return add(layer);
}

void NetBuilder::call(int activation, const std::string& conv, const std::string& norm) {
  const auto place = [](int layer) { return static_cast<std::size_t>(layer); };
  Layer& normed = net_.layers[place(net_.layers[place(activation)].inputs[0])];
  normed.module = norm;
  net_.layers[place(normed.inputs[0])].module = conv;
}

int NetBuilder::concat(const std::vector<int>& inputs, const std::string& name) {
  return join(LayerKind::concat, inputs, name);
}

int NetBuilder::mean(const std::vector<int>& inputs, const std::string& name) {
  return join(LayerKind::mean, inputs, name);
}

int NetBuilder::join(LayerKind kind, const std::vector<int>& inputs, const std::string& name) {
  Layer layer;
  layer.name = name;
  layer.kind = kind;
  layer.inputs = inputs;
  return add(layer);
}

int NetBuilder::global_average_pool(int input, const std::string& name) {
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::pool;
  layer.inputs = {input};
  layer.pool = Pool::global_average;
  return add(layer);
}

int NetBuilder::exit(int input, const std::string& name, const std::string& module) {
  Layer layer;
  layer.name = name;
  layer.kind = LayerKind::linear;
  layer.inputs = {input};
  layer.channels = net_.classes;
  layer.module = module;
  net_.exits.push_back(add(layer));
  return net_.exits.back();
}

void NetBuilder::begin_stage(int stage) { stage_ = std::min(stage, Width::kMaxStages - 1); }

NetSpec NetBuilder::finish(std::vector<Width> widths) {
  net_.widths = std::move(widths);
  check(net_);
  return std::move(net_);
}

int parse_number(const std::string& option, const std::string& text, int least, int most) {
  const auto number = parse_integer(text);
  if (!number || *number < least || *number > most) {
    throw UsageError("net option \"" + option + "\" is \"" + text + "\"; expected a number from " +
                     std::to_string(least) + " to " + std::to_string(most));
  }
  return static_cast<int>(*number);
}

std::vector<int> parse_numbers(const std::string& option, const std::string& text, int count,
                               int least, int most) {
  std::vector<int> numbers;
  for (const std::string& part : split(text, '-')) {
    numbers.push_back(parse_number(option, part, least, most));
  }
  if (count != 0 && static_cast<int>(numbers.size()) != count) {
    throw UsageError("net option \"" + option + "\" is \"" + text + "\"; expected " +
                     std::to_string(count) + " numbers with dashes between them");
  }
  return numbers;
}

NetActivation parse_activation(const NetOptions& options, const std::string& usual,
                               Activation kind) {
  const int segments = parse_number("lma-segments", options.at("lma-segments"), 2, 64);
  const std::string& text = options.at("activation");
  if (text == usual) return {kind, 0};
  if (text == "lma") return {Activation::lma, segments};
  throw UsageError("net option \"activation\" is \"" + text + "\"; expected " + usual + " or lma");
}

std::vector<Width> parse_widths(const std::string& option, const std::string& text) {
  std::vector<Width> widths;
  for (const std::string& part : split(text, '-')) widths.push_back(Width::parse(part));
  const bool ascending = std::adjacent_find(widths.begin(), widths.end(), [](Width a, Width b) {
                           return !(a < b);
                         }) == widths.end();
  if (!ascending || !widths.back().is_full()) {
    throw UsageError("net option \"" + option + "\" is \"" + text +
                     "\"; expected ascending widths that end with 1, such as 0.25-0.5-1");
  }
  return widths;
}

}  // namespace concertina
