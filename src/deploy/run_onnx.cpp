// Reads an ONNX file as onnx.cpp writes it and computes it with ATen, to see that what was written
// is the network. Not a runtime: it knows the operators of onnx.cpp alone.
#include <algorithm>
#include <cstring>
#include <map>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include "concertina/core/error.h"
#include "concertina/deploy/onnx.h"

namespace concertina::deploy {
namespace {

[[noreturn]] void refuse(const std::string& what) { throw DataError("ONNX file: " + what); }

// One field of a message: a number, or bytes.
struct Field {
  std::uint64_t number = 0;  // of the field
  std::uint64_t value = 0;
  std::string_view bytes;

  std::int64_t integer() const { return static_cast<std::int64_t>(value); }
  double real() const {
    const auto bits = static_cast<std::uint32_t>(value);
    float result = 0;
    std::memcpy(&result, &bits, sizeof result);
    return result;
  }
  std::string text() const { return std::string(bytes); }
};

// protobuf's wire format, as much as protobuf.h writes.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : left_(bytes) {}

  bool next(Field& field) {
    if (left_.empty()) return false;
    const std::uint64_t key = varint();
    field = {key >> 3U, 0, {}};
    const std::uint64_t kind = key & 7U;
    if (kind == 0) {
      field.value = varint();
    } else if (kind == 2) {
      field.bytes = take(varint());
    } else if (kind == 5) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, take(sizeof bits).data(), sizeof bits);
      field.value = bits;
    } else {
      refuse("a field of kind " + std::to_string(kind));
    }
    return true;
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > left_.size()) refuse("ends inside a field");
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    refuse("a number without an end");
  }

  std::string_view left_;
};

struct Node {
  std::vector<std::string> inputs;
  std::string output, operation;
  std::map<std::string, std::vector<std::int64_t>> whole;
  std::map<std::string, double> real;

  double number(const char* name) const {
    const auto found = real.find(name);
    if (found == real.end()) refuse("\"" + output + "\" has no " + name);
    return found->second;
  }
  std::vector<std::int64_t> numbers(const char* name, std::size_t count) const {
    const auto found = whole.find(name);
    if (found == whole.end() || found->second.size() != count) {
      refuse("\"" + output + "\" has no " + name + " of " + std::to_string(count));
    }
    return found->second;
  }
};

void read_attribute(std::string_view bytes, Node& node) {
  std::string name;
  Fields fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.number == 1) name = field.text();
    if (field.number == 2) node.real[name] = field.real();
    if (field.number == 3 || field.number == 8) node.whole[name].push_back(field.integer());
  }
}

Node read_node(std::string_view bytes) {
  Node node;
  Fields fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.number == 1) node.inputs.push_back(field.text());
    if (field.number == 2) node.output = field.text();
    if (field.number == 4) node.operation = field.text();
    if (field.number == 5) read_attribute(field.bytes, node);
  }
  return node;
}

std::pair<std::string, at::Tensor> read_tensor(std::string_view bytes) {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::string_view data;
  Fields fields(bytes);
  for (Field field; fields.next(field);) {
    if (field.number == 1) sizes.push_back(field.integer());
    if (field.number == 8) name = field.text();
    if (field.number == 9) data = field.bytes;
  }
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  if (data.size() != static_cast<std::size_t>(count) * sizeof(float)) {
    refuse("tensor \"" + name + "\" has the wrong size");
  }
  const at::Tensor value = at::empty(sizes, at::kFloat);
  std::memcpy(value.data_ptr(), data.data(), data.size());
  return {name, value};
}

class Runner {
 public:
  Runner(std::string_view graph, const at::Tensor& images) {
    values_["images"] = images;
    Fields fields(graph);
    for (Field field; fields.next(field);) {
      if (field.number == 1) nodes_.push_back(read_node(field.bytes));
      if (field.number == 5) values_.insert(read_tensor(field.bytes));
    }
    for (const Node& node : nodes_) values_[node.output] = compute(node);
  }

  at::Tensor value(const std::string& name) const {
    const auto found = values_.find(name);
    if (found == values_.end()) refuse("nothing gives \"" + name + "\"");
    return found->second;
  }

 private:
  at::Tensor input(const Node& node, std::size_t k) const {
    if (k >= node.inputs.size()) refuse("\"" + node.output + "\" lacks an input");
    return value(node.inputs[k]);
  }

  at::Tensor sum(const Node& node) const {
    at::Tensor total = input(node, 0);
    for (std::size_t k = 1; k < node.inputs.size(); ++k) total = at::add(total, input(node, k));
    return total;
  }

  at::Tensor convolve(const Node& node) const {
    const at::Tensor bias = node.inputs.size() > 2 ? input(node, 2) : at::Tensor();
    const std::vector<std::int64_t> pads = node.numbers("pads", 4);
    return at::conv2d(input(node, 0), input(node, 1), bias, node.numbers("strides", 2),
                      {pads[0], pads[1]}, {1, 1}, node.numbers("group", 1)[0]);
  }

  at::Tensor pad(const Node& node) const {
    const std::vector<std::int64_t> pads = node.numbers("pads", 8);
    return at::constant_pad_nd(input(node, 0), {pads[3], pads[7], pads[2], pads[6]});
  }

  at::Tensor concatenate(const Node& node) const {
    std::vector<at::Tensor> parts;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) parts.push_back(input(node, k));
    return at::cat(parts, node.numbers("axis", 1)[0]);
  }

  at::Tensor compute(const Node& node) const {
    const std::string& operation = node.operation;
    const at::Tensor first = input(node, 0);
    if (operation == "Conv") return convolve(node);
    if (operation == "Relu") return at::relu(first);
    if (operation == "Clip") return at::clamp(first, node.number("min"), node.number("max"));
    if (operation == "GlobalAveragePool") return at::mean(first, {2, 3}, true);
    if (operation == "Pad") return pad(node);
    if (operation == "Add" || operation == "Sum") return sum(node);
    if (operation == "Sub") return at::sub(first, input(node, 1));
    if (operation == "Div") return at::div(first, input(node, 1));
    if (operation == "Mul") return at::mul(first, input(node, 1));
    if (operation == "Floor") return at::floor(first);
    if (operation == "Cast") return first.to(at::kLong);  // all that is written
    if (operation == "Gather") return at::take(first, input(node, 1));
    if (operation == "Concat") return concatenate(node);
    if (operation == "Flatten") return first.flatten(1);
    if (operation == "Gemm") return at::linear(first, input(node, 1), input(node, 2));
    if (operation == "AveragePool") {
      return at::avg_pool2d(first, node.numbers("kernel_shape", 2), node.numbers("strides", 2));
    }
    if (operation == "BatchNormalization") {
      return at::batch_norm(first, input(node, 1), input(node, 2), input(node, 3), input(node, 4),
                            false, 0, node.number("epsilon"), false);
    }
    refuse("operator \"" + operation + "\" is not one that is written");
  }

  std::vector<Node> nodes_;
  std::map<std::string, at::Tensor> values_;
};

}  // namespace

at::Tensor run_onnx(const std::string& bytes, const at::Tensor& images) {
  const at::NoGradGuard guard;
  Fields fields(bytes);
  std::string_view graph;
  for (Field field; fields.next(field);) {  // to the end: nothing may be missing there either
    if (field.number == 7) graph = field.bytes;
  }
  if (graph.empty()) refuse("it has no graph");
  try {
    return Runner(graph, images).value("logits");
  } catch (const c10::Error& error) {
    refuse(error.what_without_backtrace());
  }
}

}  // namespace concertina::deploy
