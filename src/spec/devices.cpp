#include "concertina/spec/devices.h"

#include <algorithm>

#include "concertina/core/error.h"

namespace concertina {
namespace {

const Layer& layer(const NetSpec& net, int k) { return net.layers[static_cast<std::size_t>(k)]; }

// The layers that average, in the order of their parts; empty where the net has another form.
std::vector<int> parts_of(const NetSpec& net) {
  if (net.exit_count() != 1) return {};
  int last = layer(net, net.exits.front()).inputs.front();
  const bool pooled =
      layer(net, last).kind == LayerKind::pool && layer(net, last).pool == Pool::global_average;
  if (!pooled) return {};
  last = layer(net, last).inputs.front();
  const std::vector<int> parts =
      layer(net, last).kind == LayerKind::concat ? layer(net, last).inputs : std::vector<int>{last};
  const bool all_average = std::all_of(parts.begin(), parts.end(), [&](int part) {
    return layer(net, part).kind == LayerKind::mean;
  });
  return all_average ? parts : std::vector<int>{};
}

}  // namespace

DeviceNet devices_of(const NetSpec& net) {
  const std::vector<int> parts = parts_of(net);
  if (parts.empty()) {
    throw UsageError("net \"" + net.name +
                     "\" does not run on several devices; expected one such as nonn-mobilenet-v1");
  }
  std::vector<std::pair<int, int>> sent;  // layer and part
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (const int one : layer(net, parts[part]).inputs) {
      sent.emplace_back(one, static_cast<int>(part));
    }
  }
  std::sort(sent.begin(), sent.end());
  DeviceNet found;
  for (const auto& [sends, part] : sent) found.devices.push_back({layer(net, sends).name, part});
  found.parts = static_cast<int>(parts.size());
  found.classifier = layer(net, net.exits.front()).name;
  return found;
}

}  // namespace concertina
