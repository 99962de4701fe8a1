#include "reference_nets.h"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "concertina/core/file.h"
#include "concertina/core/hash.h"

#include "support/tensors.h"

namespace concertina::support {
namespace {

// As in reference_nets.py.
at::Tensor fill(const std::string& name, const std::vector<std::int64_t>& shape) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  const bool is_vector = shape.size() == 1;
  const auto ends = [&](const std::string& end) {
    return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
  };
  const bool is_positive = ends("running_var") || (is_vector && ends("weight"));
  const double fan = static_cast<double>(tensor.numel()) / static_cast<double>(shape[0]);
  const std::uint32_t start = crc32(name);
  for (std::int64_t k = 0; k < tensor.numel(); ++k) {
    const std::uint32_t bits = start + static_cast<std::uint32_t>(k + 1) * 2654435761U;
    const double unit = bits / 4294967296.0 - 0.5;
    const double value = is_positive        ? unit + 1
                         : is_vector        ? unit * 0.25
                         : name == "images" ? unit * 4
                                            : unit * 4 / std::sqrt(fan);
    tensor.data_ptr<float>()[k] = static_cast<float>(value);
  }
  return tensor;
}

void take_line(std::vector<ReferenceNet>& cases, const std::string& line) {
  std::istringstream stream(line);
  std::string kind, name;
  stream >> kind >> std::ws;
  if (kind == "case") {
    cases.emplace_back();
    for (std::string word; std::getline(stream, word, '|');) cases.back().arguments.push_back(word);
    cases.back().name = cases.back().arguments.front();
    cases.back().arguments.erase(cases.back().arguments.begin());
  } else if (kind == "tensor") {
    std::vector<std::int64_t> shape;
    stream >> name;
    for (std::int64_t size = 0; stream >> size;) shape.push_back(size);
    cases.back().state.tensors.push_back({name, fill(name, shape), ""});
  } else if (kind == "logits") {
    Subnet subnet;
    stream >> name >> subnet.exit;
    subnet.width = Width::parse(name);
    std::vector<float> values;
    for (float value = 0; stream >> value;) values.push_back(value);
    cases.back().logits.push_back({subnet, at::tensor(values).reshape({2, 10})});
  }
}

std::vector<ReferenceNet> read_cases() {
  std::vector<ReferenceNet> cases;
  std::istringstream text(read_file(golden_file("reference_nets.txt")));
  for (std::string line; std::getline(text, line);) take_line(cases, line);
  return cases;
}

}  // namespace

std::filesystem::path golden_file(const std::string& name) {
  return std::filesystem::path(CONCERTINA_SOURCE_DIR) / "tests/cli/golden" / name;
}

const std::vector<ReferenceNet>& reference_nets() {
  static const std::vector<ReferenceNet> nets = read_cases();
  return nets;
}

const ReferenceNet& reference_net(const std::string& name) {
  for (const ReferenceNet& one : reference_nets()) {
    if (one.name == name) return one;
  }
  throw std::runtime_error("no reference net " + name);
}

void expect_logits(FlexibleNet& net, const ReferenceNet& reference) {
  const at::NoGradGuard guard;
  const at::Tensor images = fill("images", {2, 3, 32, 32});
  EXPECT_EQ(reference.logits.size(), all_subnets(net.spec(), net.widths()).size());
  for (const ReferenceLogits& expected : reference.logits) {
    const auto found = net.forward(images, expected.subnet, Pass::evaluate, Exits::only);
    EXPECT_TRUE(close(found.at(0), expected.values, 1e-5))
        << reference.name << " " << subnet_id(net.spec(), expected.subnet);
  }
}

}  // namespace concertina::support
