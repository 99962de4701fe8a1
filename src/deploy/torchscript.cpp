#include "concertina/deploy/torchscript.h"

#include <map>
#include <sstream>

#include <nlohmann/json.hpp>
#include <torch/csrc/jit/api/module.h>

#include "concertina/core/text.h"
#include "concertina/spec/map_grid.h"

namespace concertina::deploy {
namespace {

using torch::jit::Module;

std::string call(const std::string& operation, const std::vector<std::string>& arguments) {
  return "torch." + operation + "(" + join(arguments, ", ") + ")";
}

// "[2, 2]", as operators take the two sides of a window.
std::string pair(int side) {
  return "[" + std::to_string(side) + ", " + std::to_string(side) + "]";
}

// The module's forward as TorchScript text, from the layers.
class Source {
 public:
  explicit Source(const PlainNet& net) : spec_(net.spec) {
    for (const NamedTensor& one : net.tensors) channels_[one.name] = one.value.size(0);
  }

  std::string text() const {
    std::string lines = "def forward(self, images: Tensor) -> Tensor:\n";
    for (int k = 1; k < static_cast<int>(spec_.layers.size()); ++k) {
      if (is_segmented(layer(k))) {
        lines += "  " + value(k) + "_segments = " + segments(k, value(layer(k).inputs[0])) + "\n";
      }
      lines += "  " + value(k) + " = " + expression(k) + "\n";
    }
    return lines + "  return " + value(spec_.exits.front()) + "\n";
  }

 private:
  const Layer& layer(int k) const { return spec_.layers[static_cast<std::size_t>(k)]; }

  static std::string value(int k) { return k == 0 ? "images" : "x" + std::to_string(k); }

  // By getattr, because the names of modules may be numbers: "features.0.0.weight".
  std::string parameter(int k, const char* what) const {
    std::string name = "self";
    for (const std::string& part : split(state_dict_name(spec_, layer(k).name + "/" + what), '.')) {
      name = "getattr(" + name + ", " + nlohmann::json(part).dump() + ")";
    }
    return name;
  }

  std::string expression(int k) const {
    const Layer& one = layer(k);
    std::vector<std::string> inputs;
    for (const int input : one.inputs) inputs.push_back(value(input));
    const std::string& input = inputs.front();
    switch (one.kind) {
      case LayerKind::conv:
      case LayerKind::depthwise:
        return call("conv2d",
                    {input, parameter(k, "weight"), one.bias ? parameter(k, "bias") : "None",
                     pair(one.stride), pair(one.padding), pair(1), std::to_string(groups(one))});
      case LayerKind::norm:
        return call("batch_norm", {input, parameter(k, "weight"), parameter(k, "bias"),
                                   parameter(k, "running_mean"), parameter(k, "running_var"),
                                   "False", "0.0", format_real(kNormEpsilon), "True"});
      case LayerKind::activation:
        if (is_segmented(one)) return segmented(k, input);
        if (one.bits != Width::kFullBits) return rounded(one.bits, input);
        return one.activation == Activation::relu ? call("relu", {input})
                                                  : call("hardtanh", {input, "0.0", "6.0"});
      case LayerKind::pool:
        if (one.pool == Pool::global_average) return call("mean", {input, "[2, 3]", "True"});
        return call("avg_pool2d", {input, pair(one.kernel), pair(one.stride), pair(one.padding)});
      case LayerKind::add:
        return join(inputs, " + ");
      case LayerKind::mean:
        return "(" + join(inputs, " + ") + ") / " + std::to_string(inputs.size()) + ".0";
      case LayerKind::concat:
        return call("cat", {"[" + join(inputs, ", ") + "]", "1"});
      case LayerKind::linear:
        return linear(k, input);
      case LayerKind::input:
        break;
    }
    return input;
  }

  // Other layers read what it gives as a map of one pixel.
  std::string linear(int k, const std::string& input) const {
    const std::string vector = call(
        "linear", {call("flatten", {input, "1"}), parameter(k, "weight"), parameter(k, "bias")});
    if (k == spec_.exits.front()) return vector;
    return call("unsqueeze", {call("unsqueeze", {vector, "2"}), "3"});
  }

  // docs/methods.md, Light multi-segment activation: the segments of what layer k reads, 4 being
  // the number of PyTorch's int64, and from them what it gives.
  std::string segments(int k, const std::string& input) const {
    const int count = layer(k).segments;
    const std::string deviation = call(
        "clamp_min", {call("sqrt", {parameter(k, "running_var")}), format_real(kLeastDeviation)});
    const std::string first = parameter(k, "running_mean") + " - 3.0 * " + deviation;
    const std::string length = "6.0 * " + deviation + " / " + std::to_string(count) + ".0";
    const std::string place = "(" + input + " - (" + first + ")) / (" + length + ")";
    return call("to", {call("clamp", {place, "0.0", std::to_string(count - 1) + ".0"}), "4"});
  }
  std::string segmented(int k, const std::string& input) const {
    const std::string segment = value(k) + "_segments";
    const std::string half = std::to_string(layer(k).segments / 2);
    const std::string slope =
        call("take", {parameter(k, "weight"), segment}) + " + (" + segment + " >= " + half + ")";
    return "(" + slope + ") * " + input + " + " + call("take", {parameter(k, "bias"), segment});
  }

  // docs/methods.md, Switchable precision: a map of few bits.
  static std::string rounded(int bits, const std::string& input) {
    const auto [top, step] = map_grid(bits);
    const std::string inside = call("clamp", {input, "0.0", format_real(top)});
    return call("floor", {inside + " * " + format_real(1 / step) + " + 0.5"}) + " * " +
           format_real(step);
  }

  std::int64_t groups(const Layer& one) const {
    return one.kind == LayerKind::depthwise ? channels_.at(one.name + "/weight") : 1;
  }

  const NetSpec& spec_;
  std::map<std::string, std::int64_t> channels_;  // that a tensor gives
};

// The tree of modules that gives the parameters their dotted names. `training` is what PyTorch
// expects of a module.
class Tree {
 public:
  Tree() : types_(std::make_shared<torch::jit::CompilationUnit>()) { make("", "Net"); }

  Module& root() { return modules_.at(""); }

  void add(const std::string& name, const at::Tensor& value) {
    const std::size_t dot = name.rfind('.');
    const std::string last = name.substr(dot + 1);
    const bool is_buffer = last.rfind("running_", 0) == 0;
    module_at(name.substr(0, dot)).register_parameter(last, value, is_buffer);
  }

 private:
  Module& make(const std::string& path, const char* type) {
    Module module(type, types_, /*shouldMangle=*/true);
    module.register_attribute("training", c10::BoolType::get(), false);
    return modules_.emplace(path, module).first->second;
  }

  // The module of that path; its parents are made if need be.
  Module& module_at(const std::string& path) {
    const auto found = modules_.find(path);
    if (found != modules_.end()) return found->second;
    const std::size_t dot = path.rfind('.');
    Module& parent = dot == std::string::npos ? root() : module_at(path.substr(0, dot));
    Module& module = make(path, "Layer");
    parent.register_module(path.substr(dot + 1), module);
    return module;
  }

  std::shared_ptr<torch::jit::CompilationUnit> types_;
  std::map<std::string, Module> modules_;
};

c10::List<double> reals(const std::vector<float>& values) {
  c10::List<double> list;
  for (const float value : values) list.push_back(static_cast<double>(value));
  return list;
}

void add_card(const PlainNet& net, Module& module) {
  c10::List<std::string> classes;
  for (const std::string& name : net.card.classes) classes.push_back(name);
  c10::Dict<std::string, std::string> all;
  for (const auto& [key, value] : facts(net)) all.insert(key, value);
  const auto text = c10::StringType::get();
  const auto real_list = c10::ListType::create(c10::FloatType::get());
  module.register_attribute("classes", c10::ListType::create(text), classes);
  module.register_attribute("mean", real_list, reals(net.card.mean));
  module.register_attribute("deviation", real_list, reals(net.card.deviation));
  module.register_attribute("facts", c10::DictType::create(text, text), all);
}

std::string facts_json(const PlainNet& net) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const auto& [key, value] : facts(net)) all[key] = value;
  return all.dump();
}

}  // namespace

std::string torchscript_bytes(const PlainNet& net) {
  Tree tree;
  for (const NamedTensor& one : net.tensors) {
    tree.add(state_dict_name(net.spec, one.name), one.value);
  }
  add_card(net, tree.root());
  tree.root().define(Source(net).text());
  std::ostringstream stream;
  tree.root().save(stream, {{"concertina.json", facts_json(net)}});
  return stream.str();
}

}  // namespace concertina::deploy
