// The numbers of fields and types are those of onnx.proto (IR version 5); the operators those of
// operator set 10, where Clip still has its limits as attributes.
#include "concertina/deploy/onnx.h"

#include <algorithm>
#include <map>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/core/version.h"
#include "concertina/spec/map_grid.h"

#include "protobuf.h"

namespace concertina::deploy {
namespace {

constexpr std::int64_t kIrVersion = 5;
constexpr std::int64_t kOperatorSet = 10;
constexpr std::int64_t kFloat = 1, kInt64 = 7;  // TensorProto.DataType
constexpr std::size_t kMostBytes = (std::size_t{1} << 31U) - 1;

const std::string kInput = "images";
const std::string kOutput = "logits";

void check_size(const PlainNet& net, std::size_t bytes) {
  if (bytes <= kMostBytes) return;
  throw UsageError("sub-model " + net.card.submodel + " of net \"" + net.spec.name + "\" takes " +
                   format_quantity(static_cast<double>(bytes), Unit::bytes) +
                   "; expected less than 2GiB, which is all that an ONNX file can hold");
}

// AttributeProto: a number, a whole one, or several.
Message attribute(const std::string& name, float value) {
  return Message().text(1, name).real(2, value).integer(20, 1);
}

Message attribute(const std::string& name, std::int64_t value) {
  return Message().text(1, name).integer(3, value).integer(20, 2);
}

Message attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  Message list;
  list.text(1, name);
  for (const std::int64_t value : values) list.integer(8, value);
  return list.integer(20, 7);
}

// TensorProto. Its bytes are little-endian, as those of every machine we build for.
Message tensor(const std::string& name, const at::Tensor& value) {
  const at::Tensor whole = value.contiguous();
  Message message;
  for (const std::int64_t size : whole.sizes()) message.integer(1, size);
  message.integer(2, kFloat).text(8, name);
  return message.text(9, {static_cast<const char*>(whole.data_ptr()), whole.nbytes()});
}

// ValueInfoProto of a float tensor whose first dimension is the batch.
Message value_info(const std::string& name, const std::vector<std::int64_t>& sizes) {
  Message shape;
  shape.message(1, Message().text(2, "N"));
  for (const std::int64_t size : sizes) shape.message(1, Message().integer(1, size));
  const Message type = Message().integer(1, kFloat).message(2, shape);
  return Message().text(1, name).message(2, Message().message(1, type));
}

class Graph {
 public:
  explicit Graph(const PlainNet& net) : spec_(net.spec) {
    for (const NamedTensor& one : net.tensors) tensors_[one.name] = one.value;
    for (int k = 1; k < static_cast<int>(spec_.layers.size()); ++k) add(k);
    graph_.text(2, spec_.name);
    for (const NamedTensor& one : net.tensors) {
      if (!is_of_segmented(one.name)) initializer(state_dict_name(spec_, one.name), written(one));
    }
    for (const Message& one : initializers_) graph_.message(5, one);
    graph_.message(11, value_info(kInput, {spec_.in_channels, spec_.in_height, spec_.in_width}));
    graph_.message(12, value_info(kOutput, {spec_.classes}));
  }

  const Message& message() const { return graph_; }

 private:
  const Layer& layer(int k) const { return spec_.layers[static_cast<std::size_t>(k)]; }

  bool is_of_segmented(const std::string& name) const {
    return std::any_of(spec_.layers.begin(), spec_.layers.end(), [&](const Layer& one) {
      return is_segmented(one) && one.name == name.substr(0, name.rfind('/'));
    });
  }

  // The weight of a linear layer inside is that of a 1x1 convolution.
  at::Tensor written(const NamedTensor& one) const {
    const Layer& exit = layer(spec_.exits.front());
    const bool is_inside = one.value.dim() == 2 && one.name != exit.name + "/weight";
    return is_inside ? one.value.unsqueeze(2).unsqueeze(3) : one.value;
  }

  // Written behind the nodes, as the format wants it.
  void initializer(const std::string& name, const at::Tensor& value) {
    initializers_.push_back(tensor(name, value));
  }

  // What layer k gives. No name of a weight ends like this.
  std::string value(int k) const {
    if (k == 0) return kInput;
    return k == spec_.exits.front() ? kOutput : layer(k).name + ".out";
  }

  // The values that layer k reads, and its parameters of those names.
  std::vector<std::string> inputs(int k, const std::vector<const char*>& parameters = {}) const {
    std::vector<std::string> names;
    for (const int input : layer(k).inputs) names.push_back(value(input));
    for (const char* one : parameters) {
      names.push_back(state_dict_name(spec_, layer(k).name + "/" + one));
    }
    return names;
  }

  void node(const std::string& name, const std::string& operation,
            const std::vector<std::string>& inputs, const std::string& output,
            const std::vector<Message>& attributes = {}) {
    Message message;
    for (const std::string& input : inputs) message.text(1, input);
    message.text(2, output).text(3, name).text(4, operation);
    for (const Message& one : attributes) message.message(5, one);
    graph_.message(1, message);
  }

  void add(int k) {
    const Layer& one = layer(k);
    const auto simple = [&](const std::string& operation, const std::vector<Message>& attributes) {
      node(one.name, operation, inputs(k), value(k), attributes);
    };
    switch (one.kind) {
      case LayerKind::conv:
      case LayerKind::depthwise:
        return add_convolution(k);
      case LayerKind::norm:
        return node(one.name, "BatchNormalization",
                    inputs(k, {"weight", "bias", "running_mean", "running_var"}), value(k),
                    {attribute("epsilon", static_cast<float>(kNormEpsilon))});
      case LayerKind::activation:
        if (is_segmented(one)) return add_segmented(k);
        if (one.bits != Width::kFullBits) return add_rounded(k);
        if (one.activation == Activation::relu) return simple("Relu", {});
        return simple("Clip", {attribute("min", 0.0F), attribute("max", 6.0F)});
      case LayerKind::pool:
        return add_pool(k);
      case LayerKind::add:
        return simple(one.inputs.size() == 2 ? "Add" : "Sum", {});
      case LayerKind::mean:
        return add_mean(k);
      case LayerKind::concat:
        return simple("Concat", {attribute("axis", std::int64_t{1})});
      case LayerKind::linear:
        // One inside gives a map of one pixel, as it reads one.
        return k == spec_.exits.front() ? add_linear(k) : add_convolution(k);
      case LayerKind::input:
        return;
    }
  }

  void add_convolution(int k) {
    const Layer& one = layer(k);
    const bool depthwise = one.kind == LayerKind::depthwise;
    const std::vector<Message> attributes = {
        attribute("kernel_shape", {one.kernel, one.kernel}),
        attribute("strides", {one.stride, one.stride}),
        attribute("pads", {one.padding, one.padding, one.padding, one.padding}),
        attribute("group", depthwise ? tensors_.at(one.name + "/weight").size(0) : 1)};
    const bool has_bias = one.bias || one.kind == LayerKind::linear;
    const std::vector<const char*> plain = {"weight"}, biased = {"weight", "bias"};
    node(one.name, "Conv", inputs(k, has_bias ? biased : plain), value(k), attributes);
  }

  // Zeros count in the average, and not every reader knows count_include_pad: OpenCV goes by the
  // name of the producer. So the padding is a node of its own.
  void add_pool(int k) {
    const Layer& one = layer(k);
    if (one.pool == Pool::global_average) {
      return node(one.name, "GlobalAveragePool", inputs(k), value(k));
    }
    std::vector<std::string> names = inputs(k);
    if (one.padding > 0) {
      const std::string padded = one.name + ".padded";
      const std::int64_t pad = one.padding;  // N, C, H and W at their beginning, then at their end
      node(padded, "Pad", names, padded, {attribute("pads", {0, 0, pad, pad, 0, 0, pad, pad})});
      names = {padded};
    }
    node(one.name, "AveragePool", names, value(k),
         {attribute("kernel_shape", {one.kernel, one.kernel}),
          attribute("strides", {one.stride, one.stride})});
  }

  // Not every reader knows Mean: a sum, times one share of it.
  void add_mean(int k) {
    const std::string& name = layer(k).name;
    const auto count = static_cast<double>(layer(k).inputs.size());
    initializer(name + ".share", at::full({1}, 1 / count, at::kFloat));
    node(name + ".sum", "Sum", inputs(k), name + ".sum");
    node(name, "Mul", {name + ".sum", name + ".share"}, value(k));
  }

  // docs/methods.md, Light multi-segment activation. The file holds what its tensors come to: where
  // the first segment begins, how long each is, and their slopes and offsets.
  void add_segmented(int k) {
    const std::string& name = layer(k).name;
    const std::int64_t count = layer(k).segments;
    const at::Tensor deviation =
        at::clamp_min(at::sqrt(tensors_.at(name + "/running_var")), kLeastDeviation);
    at::Tensor slopes = tensors_.at(name + "/weight").clone();
    slopes.narrow(0, count / 2, count / 2).add_(1);
    initializer(name + ".first", at::sub(tensors_.at(name + "/running_mean"), deviation, 3));
    initializer(name + ".length", at::div(at::mul(deviation, 6), count));
    initializer(name + ".slopes", slopes);
    initializer(name + ".offsets", tensors_.at(name + "/bias"));
    const std::string input = inputs(k).front();
    const auto step = [&](const std::string& operation, const std::vector<std::string>& from,
                          const std::string& gives, const std::vector<Message>& attributes = {}) {
      node(name + gives, operation, from, name + gives, attributes);
    };
    step("Sub", {input, name + ".first"}, ".distance");
    step("Div", {name + ".distance", name + ".length"}, ".place");
    step("Clip", {name + ".place"}, ".inside",
         {attribute("min", 0.0F), attribute("max", static_cast<float>(count - 1))});
    step("Cast", {name + ".inside"}, ".segment", {attribute("to", kInt64)});
    step("Gather", {name + ".slopes", name + ".segment"}, ".slope");
    step("Gather", {name + ".offsets", name + ".segment"}, ".offset");
    step("Mul", {name + ".slope", input}, ".product");
    node(name, "Add", {name + ".product", name + ".offset"}, value(k));
  }

  // docs/methods.md, Switchable precision: a map of few bits.
  void add_rounded(int k) {
    const std::string& name = layer(k).name;
    const auto [top, step] = map_grid(layer(k).bits);
    const auto constant = [&](const char* what, double value) {
      initializer(name + what, at::full({1}, value, at::kFloat));
    };
    constant(".per_step", 1 / step);
    constant(".half", 0.5);
    constant(".step", step);
    node(name + ".inside", "Clip", inputs(k), name + ".inside",
         {attribute("min", 0.0F), attribute("max", static_cast<float>(top))});
    node(name + ".place", "Mul", {name + ".inside", name + ".per_step"}, name + ".place");
    node(name + ".above", "Add", {name + ".place", name + ".half"}, name + ".above");
    node(name + ".whole", "Floor", {name + ".above"}, name + ".whole");
    node(name, "Mul", {name + ".whole", name + ".step"}, value(k));
  }

  void add_linear(int k) {
    const std::string flat = layer(k).name + ".flat";
    std::vector<std::string> names = inputs(k, {"weight", "bias"});
    node(flat, "Flatten", {names.front()}, flat, {attribute("axis", std::int64_t{1})});
    names.front() = flat;
    node(layer(k).name, "Gemm", names, value(k), {attribute("transB", std::int64_t{1})});
  }

  const NetSpec& spec_;
  std::map<std::string, at::Tensor> tensors_;
  std::vector<Message> initializers_;  // they stand behind the nodes, as fields stand by number
  Message graph_;                      // GraphProto
};

}  // namespace

std::string onnx_bytes(const PlainNet& net) {
  std::size_t bytes = 0;
  for (const NamedTensor& one : net.tensors) bytes += one.value.nbytes();
  check_size(net, bytes);
  Message model;
  model.integer(1, kIrVersion).text(2, "concertina").text(3, version());
  model.text(6, net.spec.name + " " + net.card.submodel);
  model.message(7, Graph(net).message());
  model.message(8, Message().text(1, "").integer(2, kOperatorSet));
  for (const auto& [key, value] : facts(net))
    model.message(14, Message().text(1, key).text(2, value));
  check_size(net, model.bytes().size());
  return model.bytes();
}

}  // namespace concertina::deploy
