#include "concertina/deploy/plain_net.h"

#include <cmath>
#include <cstdio>
#include <map>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <nlohmann/json.hpp>

#include "concertina/core/text.h"

#include "tensors.h"

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

std::vector<Parameter> tensors_of(const FlexibleNet& net) {
  std::vector<Parameter> all = net.weights();
  for (Parameter& norm : net.norms(Width())) all.push_back(std::move(norm));
  return all;
}

}  // namespace

PlainNet plain_net(const FlexibleNet& small, Card card) {
  PlainNet net{small.spec(), {}, std::move(card)};
  std::map<std::string, NamedTensor> found;
  for (NamedTensor& one : stored(tensors_of(small))) found[one.name] = std::move(one);
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
  load_tensors(plain.tensors, tensors_of(net));
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
  if (!std::isnan(net.card.accuracy)) {
    all.emplace_back("accuracy", format_real(net.card.accuracy));
    all.emplace_back("accuracy_images",
                     std::to_string(net.card.setting.images) + " " + net.card.setting.split);
  }
  all.insert(all.end(), net.card.origin.begin(), net.card.origin.end());
  return all;
}

}  // namespace concertina::deploy
