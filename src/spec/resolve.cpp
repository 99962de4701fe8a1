#include "concertina/spec/resolve.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

std::size_t at(int index) { return static_cast<std::size_t>(index); }

int total(const std::vector<Range>& ranges) {
  int sum = 0;
  for (const Range range : ranges) sum += range.size();
  return sum;
}

// Exits::up_to: everything before the exit; Exits::only: what leads to it.
std::vector<bool> live_layers(const NetSpec& net, const Subnet& subnet, Exits exits) {
  const int last = net.exits[at(subnet.exit - 1)];
  std::vector<bool> live(net.layers.size(), false);
  std::fill(live.begin(), live.begin() + last + 1, exits == Exits::up_to);
  live[at(last)] = true;
  for (int index = last; index >= 0; --index) {
    if (!live[at(index)]) continue;
    for (const int input : net.layers[at(index)].inputs) live[at(input)] = true;
  }
  return live;
}

class Resolver {
 public:
  Resolver(const NetSpec& net, Width width) : net_(net), width_(width) {}

  // Layers come in the order of the spec; `inputs` index earlier results.
  void add(int layer, std::vector<int> inputs, ResolvedNet& result, std::vector<int>& full) {
    const Layer& spec = net_.layers[at(layer)];
    ResolvedLayer resolved;
    resolved.layer = layer;
    resolved.inputs = std::move(inputs);
    full_ = 0;
    if (spec.kind == LayerKind::input) {
      resolved.height = net_.in_height;
      resolved.width = net_.in_width;
      full_ = net_.in_channels;
      resolved.out = {{0, full_}};
    } else {
      const ResolvedLayer& source = result.layers[at(resolved.inputs.front())];
      resolved.height = source.height;
      resolved.width = source.width;
      resolved.in = resolved.out = source.out;
      full_ = full[at(resolved.inputs.front())];
      shape(spec, result, full, resolved);
    }
    resolved.bits = bits_of(spec);
    resolved.in_channels = total(resolved.in);
    resolved.out_channels = total(resolved.out);
    full.push_back(full_);
    result.layers.push_back(std::move(resolved));
  }

 private:
  // The first convolutions and the linear layers keep all of theirs.
  int bits_of(const Layer& spec) const {
    const bool weighs = spec.kind == LayerKind::conv || spec.kind == LayerKind::depthwise;
    const bool reads_images =
        weighs && net_.layers[at(spec.inputs.front())].kind == LayerKind::input;
    const bool rounds = (weighs && !reads_images) || spec.kind == LayerKind::activation;
    if (!rounds || !width_.is_quantized()) return spec.bits;
    if (is_segmented(spec)) {
      throw UsageError("width \"" + width_.text() + "\" of net \"" + net_.name + "\": layer \"" +
                       spec.name + "\" is a multi-segment activation, which takes no bits");
    }
    return std::min(spec.bits, width_.bits());
  }

  void shape(const Layer& spec, const ResolvedNet& result, const std::vector<int>& full,
             ResolvedLayer& resolved) {
    switch (spec.kind) {
      case LayerKind::conv:
        full_ = spec.channels;
        resolved.out = {
            {0, spec.elastic ? round_channels(full_, width_.thousandths(spec.stage), net_.divisor)
                             : full_}};
        window(spec, resolved);
        break;
      case LayerKind::depthwise:
        window(spec, resolved);
        break;
      case LayerKind::pool:
        pool(spec, resolved);
        break;
      case LayerKind::linear:
        if (resolved.height != 1 || resolved.width != 1) refuse(spec, "needs a 1x1 map before it");
        full_ = spec.channels;
        resolved.out = {{0, full_}};
        break;
      case LayerKind::add:
      case LayerKind::mean:
      case LayerKind::concat:
        combine(spec, result, full, resolved);
        break;
      case LayerKind::norm:
      case LayerKind::activation:
      case LayerKind::input:
        break;
    }
  }

  void window(const Layer& spec, ResolvedLayer& resolved) const {
    const int height = resolved.height + 2 * spec.padding - spec.kernel;
    const int width = resolved.width + 2 * spec.padding - spec.kernel;
    if (height < 0 || width < 0) refuse(spec, "leaves no pixel of its input");
    resolved.height = height / spec.stride + 1;
    resolved.width = width / spec.stride + 1;
  }

  void pool(const Layer& spec, ResolvedLayer& resolved) const {
    if (spec.pool == Pool::global_average) {
      resolved.height = resolved.width = 1;
    } else {
      window(spec, resolved);
    }
  }

  void combine(const Layer& spec, const ResolvedNet& result, const std::vector<int>& full,
               ResolvedLayer& resolved) {
    for (std::size_t k = 1; k < resolved.inputs.size(); ++k) {
      const ResolvedLayer& other = result.layers[at(resolved.inputs[k])];
      if (other.height != resolved.height || other.width != resolved.width) {
        refuse(spec, "its inputs differ in size");
      }
      if (spec.kind != LayerKind::concat) {
        if (other.out != resolved.out) refuse(spec, "its inputs differ in channels");
        continue;
      }
      for (const Range range : other.out) {
        resolved.out.push_back({full_ + range.begin, full_ + range.end});
      }
      full_ += full[at(resolved.inputs[k])];
    }
    resolved.in = resolved.out;
  }

  [[noreturn]] void refuse(const Layer& spec, const std::string& problem) const {
    throw DataError("net \"" + net_.name + "\", layer \"" + spec.name + "\": " + problem);
  }

  const NetSpec& net_;
  Width width_;
  int full_ = 0;  // channels of the full network's tensor at this layer
};

}  // namespace

ResolvedNet resolve(const NetSpec& net, const Subnet& subnet, Exits exits) {
  if (subnet.exit < 1 || subnet.exit > net.exit_count()) {
    throw UsageError("exit " + std::to_string(subnet.exit) + " of net \"" + net.name +
                     "\"; expected 1 to " + std::to_string(net.exit_count()));
  }
  if (subnet.width.stages() > net.stage_count()) {
    throw UsageError("width \"" + subnet.width.text() + "\" has " +
                     std::to_string(subnet.width.stages()) + " stages; net \"" + net.name +
                     "\" has " + std::to_string(net.stage_count()));
  }
  const std::vector<bool> live = live_layers(net, subnet, exits);
  ResolvedNet result;
  result.subnet = subnet;
  std::vector<int> position(net.layers.size(), -1);
  std::vector<int> full;
  Resolver resolver(net, subnet.width);
  for (int layer = 0; layer < static_cast<int>(net.layers.size()); ++layer) {
    if (!live[at(layer)]) continue;
    std::vector<int> inputs;
    for (const int input : net.layers[at(layer)].inputs) inputs.push_back(position[at(input)]);
    position[at(layer)] = static_cast<int>(result.layers.size());
    resolver.add(layer, std::move(inputs), result, full);
  }
  const int first = exits == Exits::only ? subnet.exit : 1;
  for (int exit = first; exit <= subnet.exit; ++exit) {
    result.exits.push_back(position[at(net.exits[at(exit - 1)])]);
  }
  return result;
}

NetSpec extract_spec(const NetSpec& net, const ResolvedNet& resolved) {
  NetSpec result = net;
  result.widths = {Width()};
  result.layers.clear();
  for (const ResolvedLayer& layer : resolved.layers) {
    Layer copy = net.layers[at(layer.layer)];
    copy.inputs = layer.inputs;
    if (copy.channels != 0) copy.channels = layer.out_channels;
    copy.elastic = false;
    copy.bits = layer.bits;
    copy.stage = 0;
    result.layers.push_back(std::move(copy));
  }
  result.exits = resolved.exits;
  return result;
}

bool same_network(const NetSpec& net, Width a, Width b) {
  if (a.bits() != b.bits()) return false;
  const ResolvedNet of_a = resolve(net, {a, net.exit_count()});
  const ResolvedNet of_b = resolve(net, {b, net.exit_count()});
  return std::equal(of_a.layers.begin(), of_a.layers.end(), of_b.layers.begin(), of_b.layers.end(),
                    [](const ResolvedLayer& x, const ResolvedLayer& y) {
                      return x.in == y.in && x.out == y.out;
                    });
}

int round_channels(int full, int thousandths, int divisor) {
  if (thousandths == 1000) return full;
  // docs/methods.md, Channel rounding, in exact integers: v + d/2 down to a multiple of d.
  const long long scaled = static_cast<long long>(full) * thousandths;  // 1000 v
  const long long steps = (2 * scaled + 1000LL * divisor) / (2000LL * divisor);
  long long channels = std::max(1LL, steps * divisor);
  if (channels * 10000 < scaled * 9) channels += divisor;
  return static_cast<int>(std::min<long long>(channels, full));
}

}  // namespace concertina
