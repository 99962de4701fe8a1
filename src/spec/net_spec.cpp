#include "concertina/spec/net_spec.h"

#include <algorithm>
#include <set>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/spec/resolve.h"

namespace concertina {
namespace {

[[noreturn]] void refuse(const NetSpec& net, const Layer& layer, const std::string& problem) {
  throw DataError("net \"" + net.name + "\", layer \"" + layer.name + "\": " + problem);
}

// 1, but for those that join maps.
std::pair<std::size_t, std::size_t> input_counts(LayerKind kind) {
  constexpr std::size_t kMany = 1000000;
  if (kind == LayerKind::add || kind == LayerKind::concat) return {2, kMany};
  return {1, kind == LayerKind::mean ? kMany : 1};
}

void check_inputs(const NetSpec& net, int index) {
  const Layer& layer = net.layers[static_cast<std::size_t>(index)];
  const std::size_t count = layer.inputs.size();
  if (layer.kind == LayerKind::input) {
    if (index != 0 || count != 0) refuse(net, layer, "only the first layer is the input");
    return;
  }
  if (index == 0) refuse(net, layer, "the first layer has to be the input");
  const auto [least, most] = input_counts(layer.kind);
  if (count < least || count > most) {
    refuse(net, layer,
           "has " + std::to_string(count) + " inputs; expected " + (most > 1 ? "at least " : "") +
               std::to_string(least));
  }
  for (const int input : layer.inputs) {
    if (input < 0 || input >= index) {
      refuse(net, layer, "input " + std::to_string(input) + " is not an earlier layer");
    }
  }
}

void check_numbers(const NetSpec& net, const Layer& layer) {
  const bool makes_channels = layer.kind == LayerKind::conv || layer.kind == LayerKind::linear;
  if (makes_channels && (layer.channels < 1 || layer.channels > 1 << 20)) {
    refuse(net, layer, "has " + std::to_string(layer.channels) + " channels; expected 1 to 2^20");
  }
  if (layer.kernel < 1 || layer.kernel > 64 || layer.stride < 1 || layer.stride > 64 ||
      layer.padding < 0 || layer.padding >= 64) {
    refuse(net, layer, "kernel, stride or padding is out of range (1-64, 1-64, 0-63)");
  }
  if (layer.stage < 0 || layer.stage >= Width::kMaxStages) {
    refuse(net, layer, "stage " + std::to_string(layer.stage) + " is out of range");
  }
  if (layer.bias && layer.kind != LayerKind::conv && layer.kind != LayerKind::depthwise) {
    refuse(net, layer, "only a convolution can say whether it has a bias");
  }
  const bool has_even = layer.segments >= 2 && layer.segments <= 64 && layer.segments % 2 == 0;
  if (is_segmented(layer) ? !has_even : layer.segments != 0) {
    refuse(net, layer,
           "has " + std::to_string(layer.segments) + " segments; expected " +
               (is_segmented(layer) ? "an even number from 2 to 64" : "none"));
  }
  const bool can_round = layer.kind == LayerKind::conv || layer.kind == LayerKind::depthwise ||
                         (layer.kind == LayerKind::activation && !is_segmented(layer));
  const bool rounds = layer.bits >= 1 && layer.bits <= Width::kMostBits && can_round;
  if (layer.bits != Width::kFullBits && !rounds) {
    refuse(net, layer,
           "has " + std::to_string(layer.bits) + " bits; expected " +
               (can_round ? "1 to " + std::to_string(Width::kMostBits) + " or " : "") +
               std::to_string(Width::kFullBits));
  }
  if (layer.elastic && layer.kind != LayerKind::conv) {
    refuse(net, layer, "only a convolution's output channels can be elastic");
  }
}

void check_exits(const NetSpec& net) {
  if (net.exits.empty()) throw DataError("net \"" + net.name + "\" has no exit");
  for (const int exit : net.exits) {
    if (exit < 0 || exit >= static_cast<int>(net.layers.size())) {
      throw DataError("net \"" + net.name + "\": exit " + std::to_string(exit) + " is no layer");
    }
    const Layer& layer = net.layers[static_cast<std::size_t>(exit)];
    if (layer.kind != LayerKind::linear || layer.channels != net.classes) {
      refuse(net, layer, "an exit is a linear layer with one output a class");
    }
  }
  if (!std::is_sorted(net.exits.begin(), net.exits.end())) {
    throw DataError("net \"" + net.name + "\": exits are not in the order of the layers");
  }
}

void check_head(const NetSpec& net) {
  const auto in_range = [](int value, int most) { return value >= 1 && value <= most; };
  if (!in_range(net.classes, 1 << 20) || !in_range(net.in_channels, 1 << 12) ||
      !in_range(net.in_height, 1 << 14) || !in_range(net.in_width, 1 << 14) ||
      !in_range(net.divisor, 1 << 10)) {
    throw DataError("net \"" + net.name +
                    "\": classes, channels, height, width or divisor is out of range");
  }
  if (net.widths.empty() || !net.widths.back().is_full() ||
      !std::is_sorted(net.widths.begin(), net.widths.end())) {
    throw DataError("net \"" + net.name + "\": widths have to ascend and end with 1");
  }
}

}  // namespace

int NetSpec::stage_count() const {
  int count = 1;
  for (const Layer& layer : layers) count = std::max(count, layer.stage + 1);
  return count;
}

std::string state_dict_name(const NetSpec& net, const std::string& tensor,
                            const std::string& between) {
  const std::size_t slash = tensor.rfind('/');
  std::string module = tensor.substr(0, slash);
  for (const Layer& layer : net.layers) {
    if (layer.name != module) continue;
    if (!layer.module.empty()) module = layer.module;
    break;
  }
  return module + between + "." + tensor.substr(slash + 1);
}

std::string subnet_id(const NetSpec& net, const Subnet& subnet) {
  const std::string label = subnet.width.label();
  return net.exit_count() == 1 ? label : label + "-e" + std::to_string(subnet.exit);
}

Subnet parse_subnet_id(const NetSpec& net, const std::vector<Width>& widths, std::string_view id) {
  std::vector<std::string> known;
  for (const Subnet& subnet : all_subnets(net, widths)) {
    known.push_back(subnet_id(net, subnet));
    if (known.back() == id) return subnet;
  }
  throw UsageError(unknown_message("sub-model", id, known));
}

std::vector<Subnet> all_subnets(const NetSpec& net, const std::vector<Width>& widths) {
  std::vector<Subnet> subnets;
  for (const Width width : widths) {
    for (int exit = 1; exit <= net.exit_count(); ++exit) subnets.push_back({width, exit});
  }
  return subnets;
}

void check(const NetSpec& net) {
  check_head(net);
  std::set<std::string> names;
  for (int index = 0; index < static_cast<int>(net.layers.size()); ++index) {
    const Layer& layer = net.layers[static_cast<std::size_t>(index)];
    if (layer.name.empty() || layer.name.find('/') != std::string::npos) {
      refuse(net, layer, "a layer's name is not empty and has no slash");
    }
    if (!names.insert(layer.name).second) refuse(net, layer, "the name stands twice");
    check_inputs(net, index);
    check_numbers(net, layer);
  }
  check_exits(net);
  resolve(net, {Width(), net.exit_count()});  // refuses channel counts and shapes that do not fit
}

}  // namespace concertina
