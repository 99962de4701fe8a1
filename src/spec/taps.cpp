#include "concertina/spec/taps.h"

#include <algorithm>
#include <vector>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/spec/resolve.h"

namespace concertina {
namespace {

constexpr const char* kDepth = "depth:";

const Layer& layer_of(const NetSpec& net, const ResolvedLayer& resolved) {
  return net.layers[static_cast<std::size_t>(resolved.layer)];
}

// Where a block of layers ends: its output is what the next block reads.
bool ends_block(const Layer& layer) {
  return layer.kind == LayerKind::activation || layer.kind == LayerKind::concat ||
         layer.kind == LayerKind::add || layer.kind == LayerKind::mean;
}

// Returns what the layer reads; with `past_pools` through poolings, and what joins their output.
int source_of(const NetSpec& net, const ResolvedNet& resolved, int place, bool past_pools) {
  const auto at = [&](int k) { return resolved.layers[static_cast<std::size_t>(k)]; };
  int source = at(place).inputs.front();
  const auto is_pool = [&](int k) { return layer_of(net, at(k)).kind == LayerKind::pool; };
  const auto joins_pool = [&](int k) {
    return layer_of(net, at(k)).kind == LayerKind::concat && is_pool(at(k).inputs.front());
  };
  while (past_pools && (is_pool(source) || joins_pool(source))) source = at(source).inputs.front();
  return source;
}

int at_depth(const NetSpec& net, const ResolvedNet& resolved, double share) {
  const double last = share * static_cast<double>(resolved.layers.size());
  int found = -1;
  for (int k = 0; k < static_cast<int>(resolved.layers.size()); ++k) {
    if (!ends_block(layer_of(net, resolved.layers[static_cast<std::size_t>(k)]))) continue;
    if (found >= 0 && static_cast<double>(k + 1) > last) break;
    found = k;
  }
  return found;
}

// By name, or the last of a prefix; -1 when there is none.
int by_name(const NetSpec& net, const ResolvedNet& resolved, const std::string& word) {
  int found = -1;
  for (int k = 0; k < static_cast<int>(resolved.layers.size()); ++k) {
    const Layer& layer = layer_of(net, resolved.layers[static_cast<std::size_t>(k)]);
    if (layer.name == word) return k;
    if (ends_block(layer) && layer.name.rfind(word + ".", 0) == 0) found = k;
  }
  return found;
}

int find_place(const NetSpec& net, const ResolvedNet& resolved, const std::string& word) {
  const int exit = resolved.exits.back();
  if (word == "feature") return source_of(net, resolved, exit, false);
  if (word == "map") return source_of(net, resolved, exit, true);
  if (word.rfind(kDepth, 0) == 0) {
    const auto share = parse_real(word.substr(std::string(kDepth).size()));
    if (!share || *share < 0 || *share > 1) {
      throw UsageError("tap \"" + word + "\": expected depth: and a share from 0 to 1");
    }
    return at_depth(net, resolved, *share);
  }
  return by_name(net, resolved, word);
}

}  // namespace

std::string find_tap(const NetSpec& net, const Subnet& subnet, const std::string& word) {
  const ResolvedNet resolved = resolve(net, subnet, Exits::only);
  const int place = find_place(net, resolved, word);
  if (place >= 0) return layer_of(net, resolved.layers[static_cast<std::size_t>(place)]).name;
  std::vector<std::string> known{"feature", "map"};
  for (const ResolvedLayer& layer : resolved.layers) known.push_back(layer_of(net, layer).name);
  const std::string near = nearest(word, known);
  throw UsageError("tap \"" + word + "\": " + subnet_id(net, subnet) + " of net \"" + net.name +
                   "\" has no such layer; " +
                   (near.empty()
                        ? "expected feature, map, depth:SHARE or the name of one of its layers"
                        : "did you mean \"" + near + "\"?"));
}

TapShape tap_shape(const NetSpec& net, const Subnet& subnet, const std::string& layer) {
  for (const ResolvedLayer& resolved : resolve(net, subnet, Exits::only).layers) {
    if (layer_of(net, resolved).name != layer) continue;
    return {resolved.out_channels, resolved.height, resolved.width};
  }
  throw UsageError("tap \"" + layer + "\": " + subnet_id(net, subnet) + " has no such layer");
}

}  // namespace concertina
