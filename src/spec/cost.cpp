#include "concertina/spec/cost.h"

#include <algorithm>
#include <vector>

namespace concertina {
namespace {

std::int64_t elements(const ResolvedLayer& layer) {
  return static_cast<std::int64_t>(layer.out_channels) * layer.height * layer.width;
}

void add_layer(const Layer& spec, const ResolvedLayer& layer, Cost& cost) {
  const std::int64_t outputs = elements(layer);
  const std::int64_t window = static_cast<std::int64_t>(spec.kernel) * spec.kernel;
  std::int64_t macs = 0;
  std::int64_t params = 0;
  std::int64_t other_ops = 0;
  std::int64_t saved_bits = 0;  // by weights of fewer bits
  switch (spec.kind) {
    case LayerKind::conv:
    case LayerKind::depthwise:
      params = window * layer.out_channels;
      if (spec.kind == LayerKind::conv) params *= layer.in_channels;
      macs = params * layer.height * layer.width;
      saved_bits = params * (Width::kFullBits - layer.bits);
      if (!spec.bias) break;
      params += layer.out_channels;
      other_ops = outputs;
      break;
    case LayerKind::linear:
      macs = static_cast<std::int64_t>(layer.in_channels) * layer.out_channels;
      params = macs + layer.out_channels;
      other_ops = layer.out_channels;
      break;
    case LayerKind::norm:
      params = 2 * layer.out_channels;
      cost.bytes += 2 * 4 * layer.out_channels;
      break;
    case LayerKind::activation:
      other_ops = outputs;
      if (!is_segmented(spec)) break;
      params = 2 * spec.segments;
      cost.bytes += 2 * 4;
      break;
    case LayerKind::pool:
      other_ops = outputs;
      break;
    case LayerKind::input:
    case LayerKind::add:
    case LayerKind::mean:
    case LayerKind::concat:
      break;
  }
  cost.macs += macs;
  cost.ops += macs + other_ops;
  cost.params += params;
  cost.bytes += 4 * params - saved_bits / 8;
}

// Every layer's output is a tensor of its own; norm and activation work in place on it. A tensor
// dies after its last reader.
std::int64_t peak_activation(const NetSpec& net, const ResolvedNet& resolved) {
  const std::size_t count = resolved.layers.size();
  std::vector<std::size_t> owner(count), last_use(count, 0);
  for (std::size_t k = 0; k < count; ++k) {
    const ResolvedLayer& layer = resolved.layers[k];
    const LayerKind kind = net.layers[static_cast<std::size_t>(layer.layer)].kind;
    const bool in_place = kind == LayerKind::norm || kind == LayerKind::activation;
    owner[k] = in_place ? owner[static_cast<std::size_t>(layer.inputs.front())] : k;
    last_use[owner[k]] = k;
    for (const int input : layer.inputs) last_use[owner[static_cast<std::size_t>(input)]] = k;
  }
  for (const int exit : resolved.exits) last_use[owner[static_cast<std::size_t>(exit)]] = count;
  std::int64_t alive = 0;
  std::int64_t peak = 0;
  for (std::size_t k = 0; k < count; ++k) {
    if (owner[k] == k) alive += 4 * elements(resolved.layers[k]);
    peak = std::max(peak, alive);
    for (std::size_t j = 0; j <= k; ++j) {
      if (owner[j] == j && last_use[j] == k) alive -= 4 * elements(resolved.layers[j]);
    }
  }
  return peak;
}

}  // namespace

Cost cost(const NetSpec& net, const ResolvedNet& resolved) {
  Cost result;
  for (const ResolvedLayer& layer : resolved.layers) {
    add_layer(net.layers[static_cast<std::size_t>(layer.layer)], layer, result);
  }
  result.peak_activation_bytes = peak_activation(net, resolved);
  return result;
}

SubnetCost subnet_cost(const NetSpec& net, const Subnet& subnet) {
  return {cost(net, resolve(net, subnet, Exits::up_to)),
          cost(net, resolve(net, subnet, Exits::only))};
}

}  // namespace concertina
