#include "concertina/nn/prune.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using Channels = std::vector<std::int64_t>;  // of the full net's tensor

Channels first(std::int64_t count) {
  Channels all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Channels channels_of(const std::vector<Range>& ranges) {
  Channels all;
  for (const Range& range : ranges) {
    for (int k = range.begin; k < range.end; ++k) all.push_back(k);
  }
  return all;
}

at::Tensor index(const Channels& channels) { return at::tensor(channels, at::kLong); }

std::map<std::string, at::Tensor> by_name(const std::vector<Parameter>& tensors) {
  std::map<std::string, at::Tensor> found;
  for (const Parameter& one : tensors) found[one.name] = one.value.detach().to(at::kCPU);
  return found;
}

class Pruner {
 public:
  Pruner(const FlexibleNet& net, const NetSettings& settings) : net_(net), settings_(settings) {
    weights_ = by_name(net.weights());
    norms_ = by_name(net.norms(Width()));
    const NetSpec& spec = net.spec();
    whole_ = resolve(spec, {Width(), spec.exit_count()});
    check_prunable(spec);
  }

  FlexibleNet run(double share, ChannelWorth worth) {
    choose(share, worth);
    NetSpec spec = net_.spec();
    for (const ResolvedLayer& layer : whole_.layers) {
      Layer& one = spec.layers[static_cast<std::size_t>(layer.layer)];
      if (one.elastic) one.channels = static_cast<int>(kept_[layer.layer].size());
    }
    check(spec);
    FlexibleNet small(spec, net_.widths(), settings_, 0, net_.device());
    copy_weights(small);
    for (const Width width : net_.widths()) copy_norms(small, width);
    return small;
  }

 private:
  const Layer& layer_of(const ResolvedLayer& layer) const {
    return net_.spec().layers[static_cast<std::size_t>(layer.layer)];
  }
  int source_of(const ResolvedLayer& layer, std::size_t input = 0) const {
    return whole_.layers[static_cast<std::size_t>(layer.inputs[input])].layer;
  }

  at::Tensor worth_of(const ResolvedLayer& layer, ChannelWorth worth) const {
    const at::Tensor& weight = weights_.at(layer_of(layer).name + "/weight");
    if (worth == ChannelWorth::filter_length) {
      const at::Tensor length = at::norm(weight.flatten(1), 2, {1});
      return at::div(length, at::clamp_min(at::mean(length), 1e-12));
    }
    for (const ResolvedLayer& norm : whole_.layers) {
      const bool follows = layer_of(norm).kind == LayerKind::norm && source_of(norm) == layer.layer;
      if (follows) return at::abs(norms_.at(layer_of(norm).name + "/weight"));
    }
    return at::ones({weight.size(0)});
  }

  // Which channels of every layer's output stay: the share that is worth least goes, of equal ones
  // the first, and what is worth nothing.
  void choose(double share, ChannelWorth worth) {
    std::map<int, at::Tensor> worths;
    std::vector<at::Tensor> all;
    for (const ResolvedLayer& layer : whole_.layers) {
      if (!layer_of(layer).elastic) continue;
      all.push_back(worths[layer.layer] = worth_of(layer, worth));
    }
    const at::Tensor joined = at::cat(all);
    const auto count = static_cast<std::int64_t>(share * static_cast<double>(joined.numel()));
    const at::Tensor order = std::get<1>(at::sort(joined, /*stable=*/true, 0, false));
    at::Tensor stays = at::gt(joined, 0);
    stays.index_fill_(0, order.slice(0, 0, count), false);
    std::int64_t place = 0;
    for (const ResolvedLayer& layer : whole_.layers) {
      if (!layer_of(layer).elastic) {
        kept_[layer.layer] = passed_on(layer);
        continue;
      }
      const at::Tensor& own = worths[layer.layer];
      kept_[layer.layer] = worth_keeping(own, stays.slice(0, place, place + own.size(0)));
      place += own.size(0);
    }
  }

  // One at least.
  static Channels worth_keeping(const at::Tensor& worth, const at::Tensor& stays) {
    Channels kept;
    for (std::int64_t k = 0; k < worth.size(0); ++k) {
      if (stays[k].item<bool>()) kept.push_back(k);
    }
    if (kept.empty()) kept.push_back(at::argmax(worth).item<std::int64_t>());
    return kept;
  }

  Channels passed_on(const ResolvedLayer& layer) const {
    const Layer& one = layer_of(layer);
    const bool own = one.kind == LayerKind::input || one.kind == LayerKind::linear ||
                     one.kind == LayerKind::conv;
    if (own) return first(layer.out_channels);
    if (one.kind != LayerKind::concat) return kept_.at(source_of(layer));
    Channels joined;
    std::int64_t offset = 0;
    for (const int input : layer.inputs) {
      const ResolvedLayer& part = whole_.layers[static_cast<std::size_t>(input)];
      for (const std::int64_t channel : kept_.at(part.layer)) joined.push_back(offset + channel);
      offset += part.out_channels;
    }
    return joined;
  }

  void copy_weights(const FlexibleNet& small) const {
    const at::NoGradGuard guard;
    const std::map<std::string, at::Tensor> to = [&] {
      std::map<std::string, at::Tensor> found;
      for (const Parameter& one : small.weights()) found[one.name] = one.value.detach();
      return found;
    }();
    for (const ResolvedLayer& layer : whole_.layers) {
      const Layer& one = layer_of(layer);
      const auto weight = weights_.find(one.name + "/weight");
      if (weight == weights_.end()) continue;
      if (is_segmented(one)) {  // no channel has a segment of its own
        to.at(one.name + "/weight").copy_(weight->second);
        to.at(one.name + "/bias").copy_(weights_.at(one.name + "/bias"));
        continue;
      }
      const Channels& out =
          one.kind == LayerKind::depthwise ? kept_.at(source_of(layer)) : kept_.at(layer.layer);
      at::Tensor value = at::index_select(weight->second, 0, index(out));
      if (one.kind == LayerKind::conv || one.kind == LayerKind::linear) {
        value = at::index_select(value, 1, index(kept_.at(source_of(layer))));
      }
      to.at(one.name + "/weight").copy_(value);
      const auto bias = weights_.find(one.name + "/bias");
      if (bias != weights_.end()) {
        to.at(one.name + "/bias").copy_(at::index_select(bias->second, 0, index(out)));
      }
    }
  }

  // A width's statistics (and its own weights) channel by channel.
  void copy_norms(FlexibleNet& small, Width width) const {
    const at::NoGradGuard guard;
    const std::map<std::string, at::Tensor> from = by_name(net_.norms(width));
    std::map<std::string, at::Tensor> to;
    for (const Parameter& one : small.norms(width)) to[one.name] = one.value.detach();
    const ResolvedNet before = resolve(net_.spec(), {width, net_.spec().exit_count()});
    const ResolvedNet after = resolve(small.spec(), {width, net_.spec().exit_count()});
    const bool shared = shares_affine(net_.sharing());
    for (std::size_t k = 0; k < after.layers.size(); ++k) {
      const Layer& one = layer_of(after.layers[k]);
      if (is_segmented(one)) {
        to.at(one.name + "/running_mean").copy_(from.at(one.name + "/running_mean"));
        to.at(one.name + "/running_var").copy_(from.at(one.name + "/running_var"));
      }
      if (one.kind != LayerKind::norm) continue;
      const Channels had = channels_of(before.layers[k].out);
      const Channels has = channels_of(after.layers[k].out);
      for (const char* what : {"/weight", "/bias", "/running_mean", "/running_var"}) {
        const std::string name = one.name + what;
        if (shared && (name == one.name + "/weight" || name == one.name + "/bias")) continue;
        for (std::size_t c = 0; c < has.size(); ++c) {
          const std::int64_t channel =
              kept_.at(after.layers[k].layer)[static_cast<std::size_t>(has[c])];
          const auto found = std::find(had.begin(), had.end(), channel);
          const auto at = static_cast<std::int64_t>(c);
          to.at(name)[at] =
              found != had.end() ? from.at(name)[found - had.begin()] : norms_.at(name)[channel];
        }
      }
    }
    small.set_calibrated(width, net_.is_calibrated(width));
  }

  const FlexibleNet& net_;
  const NetSettings& settings_;
  std::map<std::string, at::Tensor> weights_, norms_;  // of the full width
  ResolvedNet whole_;
  std::map<int, Channels> kept_;  // by layer of the spec
};

}  // namespace

void check_prunable(const NetSpec& net) {
  for (const Layer& layer : net.layers) {
    if (layer.kind != LayerKind::add && layer.kind != LayerKind::mean) continue;
    throw UsageError("net \"" + net.name + "\" cannot be cut: its layer \"" + layer.name +
                     "\" adds maps up");
  }
}

FlexibleNet prune(const FlexibleNet& net, const NetSettings& settings, double share,
                  ChannelWorth worth) {
  return Pruner(net, settings).run(share, worth);
}

}  // namespace concertina
