// NetSpec as JSON text.
#include <nlohmann/json.hpp>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/spec/net_spec.h"

namespace concertina {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<std::string> kKinds = {"input", "conv", "depthwise", "norm",   "activation",
                                         "pool",  "add",  "mean",      "concat", "linear"};
const std::vector<std::string> kActivations = {"relu", "relu6", "lma"};
const std::vector<std::string> kPools = {"average", "global_average"};

template <typename Enum>
Enum read_name(const Json& json, const char* key, const std::vector<std::string>& names) {
  const std::string name = json.at(key).get<std::string>();
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (names[k] == name) return static_cast<Enum>(k);
  }
  throw DataError("net spec: " + unknown_message(key, name, names));
}

template <typename Enum>
const std::string& name_of(Enum value, const std::vector<std::string>& names) {
  return names[static_cast<std::size_t>(value)];
}

bool has_window(const Layer& layer) {
  return layer.kind == LayerKind::conv || layer.kind == LayerKind::depthwise ||
         (layer.kind == LayerKind::pool && layer.pool == Pool::average);
}

Json write_layer(const Layer& layer) {
  Json json{{"name", layer.name}, {"kind", kind_name(layer.kind)}, {"inputs", layer.inputs}};
  if (layer.kind == LayerKind::conv || layer.kind == LayerKind::linear) {
    json["channels"] = layer.channels;
  }
  if (layer.kind == LayerKind::conv) json["elastic"] = layer.elastic;
  if (layer.stage != 0) json["stage"] = layer.stage;
  if (layer.bias) json["bias"] = true;
  if (layer.bits != Width::kFullBits) json["bits"] = layer.bits;
  if (!layer.module.empty()) json["module"] = layer.module;
  if (layer.kind == LayerKind::activation) {
    json["activation"] = name_of(layer.activation, kActivations);
    if (is_segmented(layer)) json["segments"] = layer.segments;
  }
  if (layer.kind == LayerKind::pool) json["pool"] = name_of(layer.pool, kPools);
  if (has_window(layer)) {
    json["kernel"] = layer.kernel;
    json["stride"] = layer.stride;
    json["padding"] = layer.padding;
  }
  return json;
}

Layer read_layer(const Json& json) {
  Layer layer;
  layer.name = json.at("name").get<std::string>();
  layer.kind = read_name<LayerKind>(json, "kind", kKinds);
  layer.inputs = json.at("inputs").get<std::vector<int>>();
  if (layer.kind == LayerKind::conv || layer.kind == LayerKind::linear) {
    layer.channels = json.at("channels").get<int>();
  }
  if (layer.kind == LayerKind::conv) layer.elastic = json.at("elastic").get<bool>();
  layer.stage = json.value("stage", 0);
  layer.bias = json.value("bias", false);
  layer.bits = json.value("bits", Width::kFullBits);
  layer.module = json.value("module", "");
  if (layer.kind == LayerKind::activation) {
    layer.activation = read_name<Activation>(json, "activation", kActivations);
    if (is_segmented(layer)) layer.segments = json.at("segments").get<int>();
  }
  if (layer.kind == LayerKind::pool) layer.pool = read_name<Pool>(json, "pool", kPools);
  if (has_window(layer)) {
    layer.kernel = json.at("kernel").get<int>();
    layer.stride = json.at("stride").get<int>();
    layer.padding = json.at("padding").get<int>();
  }
  return layer;
}

NetSpec read_json(const Json& json) {
  NetSpec net;
  net.name = json.at("name").get<std::string>();
  net.classes = json.at("classes").get<int>();
  net.in_channels = json.at("in_channels").get<int>();
  net.in_height = json.at("in_height").get<int>();
  net.in_width = json.at("in_width").get<int>();
  net.divisor = json.at("divisor").get<int>();
  for (const std::string& width : json.at("widths").get<std::vector<std::string>>()) {
    net.widths.push_back(Width::parse(width));
  }
  for (const Json& layer : json.at("layers")) net.layers.push_back(read_layer(layer));
  net.exits = json.at("exits").get<std::vector<int>>();
  return net;
}

}  // namespace

const std::string& kind_name(LayerKind kind) { return name_of(kind, kKinds); }

std::string write_spec(const NetSpec& net) {
  std::vector<std::string> widths;
  for (const Width width : net.widths) widths.push_back(width.text());
  Json layers = Json::array();
  for (const Layer& layer : net.layers) layers.push_back(write_layer(layer));
  const Json json{
      {"name", net.name},           {"classes", net.classes},   {"in_channels", net.in_channels},
      {"in_height", net.in_height}, {"in_width", net.in_width}, {"divisor", net.divisor},
      {"widths", widths},           {"layers", layers},         {"exits", net.exits}};
  return json.dump(1);
}

NetSpec read_spec(std::string_view text) {
  NetSpec net;
  try {
    net = read_json(Json::parse(text));
  } catch (const nlohmann::json::exception& error) {
    throw DataError(std::string("net spec: ") + error.what());
  } catch (const UsageError& error) {
    throw DataError(std::string("net spec: ") + error.what());
  }
  check(net);
  return net;
}

}  // namespace concertina
