#include "concertina/deploy/plain_net.h"

#include <cstdio>
#include <map>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::deploy {
namespace {

// As short as it can be read back from.
std::string number_text(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
  return text;
}

std::string numbers_text(const std::vector<float>& values) {
  std::vector<std::string> texts;
  for (const float value : values) texts.push_back(number_text(value));
  return join(texts, " ");
}

void add(const std::vector<Parameter>& parameters, std::map<std::string, NamedTensor>& into) {
  for (const Parameter& one : parameters) {
    into[one.name] = {one.name, one.value.detach().to(at::kCPU).contiguous().clone(), one.axes};
  }
}

std::vector<Parameter> tensors_of(const FlexibleNet& net) {
  std::vector<Parameter> all = net.weights();
  for (Parameter& norm : net.norms(Width())) all.push_back(std::move(norm));
  return all;
}

}  // namespace

PlainNet plain_net(const FlexibleNet& small, Card card) {
  PlainNet net{small.spec(), {}, std::move(card)};
  std::map<std::string, NamedTensor> found;
  add(tensors_of(small), found);
  for (const Layer& layer : net.spec.layers) {
    for (const char* what : {"/weight", "/bias", "/running_mean", "/running_var"}) {
      const auto tensor = found.find(layer.name + what);
      if (tensor != found.end()) net.tensors.push_back(tensor->second);
    }
  }
  return net;
}

FlexibleNet net_of(const PlainNet& plain) {
  const at::NoGradGuard guard;
  FlexibleNet net(plain.spec, {Width()}, {}, 0, at::kCPU);
  const std::vector<Parameter> wanted = tensors_of(net);
  std::map<std::string, at::Tensor> given;
  for (const NamedTensor& tensor : plain.tensors) given[tensor.name] = tensor.value;
  for (const Parameter& one : wanted) {
    const auto found = given.find(one.name);
    if (found == given.end()) throw DataError("the network lacks tensor \"" + one.name + "\"");
    if (found->second.sizes() != one.value.sizes()) {
      throw DataError("tensor \"" + one.name + "\" has the wrong shape for the network");
    }
    at::Tensor(one.value.detach()).copy_(found->second);
    given.erase(found);
  }
  if (!given.empty()) {
    throw DataError("the network has no tensor \"" + given.begin()->first + "\"");
  }
  net.set_calibrated(Width(), true);
  return net;
}

Facts facts(const PlainNet& net) {
  const NetSpec& spec = net.spec;
  const std::string shape = "N," + std::to_string(spec.in_channels) + "," +
                            std::to_string(spec.in_height) + "," + std::to_string(spec.in_width);
  Facts all = {{"net", spec.name},
               {"submodel", net.card.submodel},
               {"input", shape + " float32, (pixel / 255 - mean) / deviation"},
               {"mean", numbers_text(net.card.mean)},
               {"deviation", numbers_text(net.card.deviation)},
               {"classes", nlohmann::json(net.card.classes).dump()}};
  all.insert(all.end(), net.card.origin.begin(), net.card.origin.end());
  return all;
}

std::string state_dict_name(const NetSpec& spec, const std::string& tensor) {
  const std::size_t slash = tensor.rfind('/');
  const std::string layer = tensor.substr(0, slash);
  std::string module = layer;
  for (const Layer& one : spec.layers) {
    if (one.name == layer && !one.module.empty()) module = one.module;
  }
  return module + "." + tensor.substr(slash + 1);
}

}  // namespace concertina::deploy
