#include "fused_plan.h"

#include <limits>
#include <map>
#include <utility>

#include "concertina/core/error.h"

namespace concertina::fused {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Compiler {
 public:
  Compiler(const NetSpec& spec, const ResolvedNet& resolved, const std::vector<int>& taps)
      : spec_(spec), resolved_(resolved) {
    for (const int tap : taps) {
      int k = 0;
      while (layer(k).layer != tap) ++k;
      taps_.push_back(k);
    }
    views_.resize(resolved.layers.size());
    for (std::size_t k = 0; k < resolved.layers.size(); ++k) {
      for (const int input : resolved.layers[k].inputs) {
        readers_[input].push_back(static_cast<int>(k));
      }
    }
  }

  Plan compile() {
    for (int k = 0; k < static_cast<int>(resolved_.layers.size()); ++k) add(k);
    plan_.results = static_cast<int>(resolved_.exits.size());
    for (std::size_t exit = 0; exit < resolved_.exits.size(); ++exit) {
      Operation& head = plan_.operations[head_of(resolved_.exits[exit])];
      head.out = {static_cast<int>(exit), 0, spec_.classes};
    }
    for (const int tap : taps_) add_tap(tap);
    lay_out();
    mark_leads(plan_);
    join_readers(plan_);
    plan_backward(plan_);
    return std::move(plan_);
  }

 private:
  // A map before buffers are laid out: a convolution's output, or several side by side.
  struct Map {
    int channels = 0;
    int height = 0, width = 0;
    float low = -kInfinity, high = kInfinity;
    int inside = -1;  // the map that holds it, and where
    int channel = 0;
    bool open = false;  // may still grow at its end
  };

  const Layer& spec_of(int k) const {
    return spec_.layers[static_cast<std::size_t>(layer(k).layer)];
  }
  const ResolvedLayer& layer(int k) const { return resolved_.layers[static_cast<std::size_t>(k)]; }
  int input_of(int k) const { return layer(k).inputs.front(); }

  [[noreturn]] void refuse(int k, const std::string& reason) const {
    throw Unfit{spec_of(k).name, reason};
  }

  void add(int k) {
    switch (spec_of(k).kind) {
      case LayerKind::input:
        return view(k, new_map(k));
      case LayerKind::conv:
      case LayerKind::depthwise:
        return add_convolution(k);
      case LayerKind::norm:
        return add_norm(k);
      case LayerKind::activation:
        return add_activation(k);
      case LayerKind::concat:
        return add_concat(k);
      case LayerKind::pool:
        return add_pool(k);
      case LayerKind::linear:
        return add_head(k);
      case LayerKind::add:
      case LayerKind::mean:
        refuse(k, "adds feature maps");
    }
  }

  // Views name maps until lay_out() turns them into buffers.
  ChannelSlice new_map(int k) {
    const ResolvedLayer& one = layer(k);
    maps_.push_back({one.out_channels, one.height, one.width});
    return {static_cast<int>(maps_.size()) - 1, 0, one.out_channels};
  }
  void view(int k, ChannelSlice view) { views_[static_cast<std::size_t>(k)] = view; }
  ChannelSlice view_of(int k) const { return views_[static_cast<std::size_t>(k)]; }
  Map& map_of(int k) { return maps_[static_cast<std::size_t>(view_of(k).buffer)]; }

  bool only_reader_is(int k, int reader) const {
    const auto found = readers_.find(k);
    return found != readers_.end() && found->second == std::vector<int>{reader};
  }

  void add_convolution(int k) {
    const Layer& spec = spec_of(k);
    const ResolvedLayer& out = layer(k);
    const ResolvedLayer& in = layer(input_of(k));
    if (out.bits != Width::kFullBits) refuse(k, "has weights of fewer bits");
    if (spec.padding >= spec.kernel) refuse(k, "pads by its kernel's size or more");
    Operation operation;
    operation.kind = spec.kind == LayerKind::conv ? Kind::conv : Kind::depthwise;
    operation.parts = {{k, -1, out.out_channels}};
    operation.in = view_of(input_of(k));
    operation.out = new_map(k);
    operation.window = {in.out_channels, in.height,   in.width,    out.height,
                        out.width,       spec.kernel, spec.stride, spec.padding};
    operation.patches = patches_of(operation);
    made_by_[operation.out.buffer] = static_cast<int>(plan_.operations.size());
    plan_.operations.push_back(operation);
    view(k, operation.out);
  }

  // Patches are taken where they are narrower.
  static Patches patches_of(const Operation& one) {
    const kernels::Window& window = one.window;
    if (one.kind != Kind::conv) return Patches::none;
    if (window.taps() == 1 && window.stride == 1) return Patches::none;
    const bool narrows = one.out.channels <= window.channels;
    return window.stride == 1 && narrows ? Patches::of_output : Patches::of_input;
  }

  // The operation whose output k reads raw, k being its only reader.
  Operation& raw_output(int k) {
    const int input = input_of(k);
    const auto found = made_by_.find(view_of(input).buffer);
    if (found == made_by_.end() || !only_reader_is(input, k)) {
      refuse(k, "does not follow a convolution of its own");
    }
    return plan_.operations[static_cast<std::size_t>(found->second)];
  }

  void add_norm(int k) {
    Operation& operation = raw_output(k);
    if (operation.has_norm() || spec_of(input_of(k)).kind == LayerKind::activation) {
      refuse(k, "does not follow a convolution directly");
    }
    operation.parts.front().norm = k;
    view(k, operation.out);
  }

  void add_activation(int k) {
    raw_output(k);
    Map& map = map_of(input_of(k));
    if (map.low == 0) refuse(k, "follows another activation");
    if (is_segmented(spec_of(k))) refuse(k, "is a multi-segment activation");
    if (layer(k).bits != Width::kFullBits) refuse(k, "rounds its map to fewer bits");
    map.low = 0;
    map.high = spec_of(k).activation == Activation::relu6 ? 6 : kInfinity;
    view(k, view_of(input_of(k)));
  }

  // The first part may be a concat that this one makes longer; the others are fresh.
  void add_concat(int k) {
    const std::vector<int>& parts = layer(k).inputs;
    const ChannelSlice first = view_of(parts.front());
    int home = first.buffer;
    const Map& start = maps_[static_cast<std::size_t>(home)];
    if (start.inside >= 0 || (start.open && start.channels != first.channels)) {
      refuse(k, "begins with a map that is part of another concat");
    }
    if (!start.open) home = open_map(first);
    for (std::size_t part = 1; part < parts.size(); ++part) {
      append(k, view_of(parts[part]), home);
    }
    const Map& whole = maps_[static_cast<std::size_t>(home)];
    view(k, {home, 0, whole.channels});
  }

  // A new map that begins with `first`.
  int open_map(ChannelSlice first) {
    Map whole = maps_[static_cast<std::size_t>(first.buffer)];
    whole.open = true;
    maps_.push_back(whole);
    const int home = static_cast<int>(maps_.size()) - 1;
    maps_[static_cast<std::size_t>(first.buffer)].inside = home;
    return home;
  }

  void append(int k, ChannelSlice part, int home) {
    Map& map = maps_[static_cast<std::size_t>(part.buffer)];
    Map& whole = maps_[static_cast<std::size_t>(home)];
    if (map.inside >= 0 || map.open || made_by_.count(part.buffer) == 0) {
      refuse(k, "joins a map that is part of another concat");
    }
    if (map.low != whole.low || map.high != whole.high) refuse(k, "joins different activations");
    map.inside = home;
    map.channel = whole.channels;
    whole.channels += map.channels;
  }

  // The head behind it does the work.
  void add_pool(int k) {
    if (spec_of(k).pool != Pool::global_average) refuse(k, "is a pool with a window");
    for (const int reader : readers_[k]) {
      if (spec_of(reader).kind != LayerKind::linear) refuse(k, "is read by more than an exit");
    }
    view(k, view_of(input_of(k)));
  }

  void add_head(int k) {
    if (readers_.count(k) != 0) refuse(k, "is a linear layer inside the net");
    const int input = input_of(k);
    const ResolvedLayer& from = layer(input);
    const bool pooled = spec_of(input).kind == LayerKind::pool;
    if (!pooled && (from.height != 1 || from.width != 1)) {
      refuse(k, "reads a map of several pixels without a pool");
    }
    const ResolvedLayer& map = pooled ? layer(input_of(input)) : from;
    Operation operation;
    operation.kind = Kind::head;
    operation.parts = {{k, -1, spec_.classes}};
    operation.in = view_of(input);
    operation.window = {map.out_channels, map.height, map.width, 1, 1, 1, 1, 0};
    plan_.operations.push_back(operation);
  }

  // What is stored is a convolution's output: only the last of it, its norm and its activation can
  // be had.
  void add_tap(int k) {
    const ResolvedLayer& map = layer(k);
    const LayerKind kind = spec_of(k).kind;
    if (kind == LayerKind::pool || kind == LayerKind::linear) refuse(k, "is no map, but tapped");
    for (const int reader : readers_[k]) {
      const LayerKind next = spec_of(reader).kind;
      if (next == LayerKind::norm || next == LayerKind::activation) {
        refuse(k, "is tapped before its norm or activation");
      }
    }
    Operation operation;
    operation.kind = Kind::tap;
    operation.in = view_of(k);
    operation.out = {plan_.results++, 0, map.out_channels};
    operation.window = {map.out_channels, map.height, map.width, map.height, map.width, 1, 1, 0};
    plan_.operations.push_back(operation);
  }

  std::size_t head_of(int k) const {
    for (std::size_t i = 0; i < plan_.operations.size(); ++i) {
      if (plan_.operations[i].kind == Kind::head && plan_.operations[i].parts.front().layer == k) {
        return i;
      }
    }
    refuse(k, "gives logits without a linear layer");
  }

  // Maps inside others become channels of theirs; the rest become buffers.
  void lay_out() {
    std::vector<int> buffer_of(maps_.size(), -1);
    for (std::size_t m = 0; m < maps_.size(); ++m) {
      const Map& map = maps_[m];
      if (map.inside >= 0) continue;
      buffer_of[m] = static_cast<int>(plan_.buffers.size());
      plan_.buffers.push_back({map.channels, map.height, map.width, map.low, map.high});
    }
    const auto settle = [&](ChannelSlice& view) {
      const Map& map = maps_[static_cast<std::size_t>(view.buffer)];
      const int home = map.inside >= 0 ? map.inside : view.buffer;
      view.channel += map.inside >= 0 ? map.channel : 0;
      view.buffer = buffer_of[static_cast<std::size_t>(home)];
    };
    for (Operation& operation : plan_.operations) {
      settle(operation.in);
      if (!operation.gives_result()) settle(operation.out);
    }
  }

  const NetSpec& spec_;
  const ResolvedNet& resolved_;
  Plan plan_;
  std::vector<Map> maps_;
  std::vector<ChannelSlice> views_;          // of each layer's output
  std::vector<int> taps_;                    // live layers
  std::map<int, std::vector<int>> readers_;  // of each layer's output
  std::map<int, int> made_by_;               // map -> operation
};

}  // namespace

kernels::Window Operation::patch_window() const {
  if (patches != Patches::of_output) return window;
  kernels::Window transposed = window;
  transposed.channels = out.channels;
  std::swap(transposed.height, transposed.out_height);
  std::swap(transposed.width, transposed.out_width);
  transposed.padding = window.kernel - 1 - window.padding;
  return transposed;
}

Plan compile(const NetSpec& spec, const ResolvedNet& resolved, const std::vector<int>& taps) {
  return Compiler(spec, resolved, taps).compile();
}

}  // namespace concertina::fused
