// MSDNet: a two-dimensional grid of scales and layers with dense connections, an exit after every
// block on the coarsest scale. Sources: Huang et al. 2018 ("Multi-scale dense networks"),
// docs/methods.md, MSDNet. Channel counts are kept as a base that each scale multiplies, so that
// the reduction rounds the base, as the published configurations do. The modules' names are those
// of the published PyTorch code, kalviny/MSDNet-PyTorch.
#include <algorithm>
#include <map>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "builder.h"

namespace concertina {
namespace {

struct Arguments {
  int blocks, base, step, channels, growth, link;
  bool linear_growth, prune_max, bottleneck;
  double reduction;
  std::vector<int> scale_factors, bottleneck_factors;
  NetActivation activation;
};

class MsdNet {
 public:
  MsdNet(const Arguments& arguments, const NetInput& input, const std::string& name, int divisor)
      : arguments_(arguments),
        scales_(static_cast<int>(arguments.scale_factors.size())),
        net_(name, input, divisor) {}

  NetSpec build(std::vector<Width> widths) {
    std::vector<int> steps{arguments_.base};
    for (int block = 1; block < arguments_.blocks; ++block) {
      steps.push_back(arguments_.linear_growth ? arguments_.step * block + 1 : arguments_.step);
    }
    for (const int step : steps) layers_ += step;
    first_layer();
    for (std::size_t block = 0; block < steps.size(); ++block) {
      net_.begin_stage(static_cast<int>(block));  // the first layer belongs to the first block
      block_ = static_cast<int>(block);
      if (block > 0) module_ = 0;  // block 0 begins with the first layer
      for (int k = 0; k < steps[block]; ++k) layer();
      exit("exit" + std::to_string(block + 1));
    }
    return net_.finish(std::move(widths));
  }

 private:
  int factor(int scale) const { return arguments_.scale_factors[static_cast<std::size_t>(scale)]; }

  int conv_unit(int input, const std::string& name, int channels, int kernel, int stride) {
    const int conv = net_.conv(input, name + ".conv", channels, kernel, stride);
    return net_.norm_activation(conv, name, arguments_.activation);
  }

  // Gives a conv_unit the names of PyTorch's `sequence`, from its place `first`; gives it back.
  int called(int unit, const std::string& sequence, int first = 0) {
    net_.call(unit, sequence + "." + std::to_string(first),
              sequence + "." + std::to_string(first + 1));
    return unit;
  }

  // PyTorch's name of the part of the block that is being built.
  std::string block_part() const {
    return "blocks." + std::to_string(block_) + "." + std::to_string(module_);
  }

  void first_layer() {
    base_ = arguments_.channels;
    int last = 0;
    for (int scale = 0; scale < scales_; ++scale) {
      last = conv_unit(last, "first.scale" + std::to_string(scale), base_ * factor(scale), 3,
                       scale == 0 ? 1 : 2);
      called(last, block_part() + ".layers." + std::to_string(scale) + ".net");
      maps_[scale] = last;
    }
    ++module_;
  }

  // 1x1 bottleneck and 3x3 convolution. `bottleneck_scale`: the scale whose factor counts.
  int path(int scale, const std::string& name, int channels, int stride,
           const std::string& module) {
    const int in = base_ * factor(scale);
    int last = maps_.at(scale);
    if (!arguments_.bottleneck) return called(conv_unit(last, name, channels, 3, stride), module);
    const int wide = arguments_.bottleneck_factors[static_cast<std::size_t>(scale)] * channels;
    last = called(conv_unit(last, name + ".bottleneck", std::min(in, wide), 1, 1), module);
    return called(conv_unit(last, name, channels, 3, stride), module, 3);
  }

  int live_scales(int layer) const {
    if (!arguments_.prune_max) return std::min(scales_, layers_ - layer + 1);
    const int interval = (layers_ + scales_ - 1) / scales_;
    return scales_ - (layer - 1) / interval;
  }

  void layer() {
    ++layer_;
    const int out_scales = live_scales(layer_);
    const int in_scales = layer_ == 1 ? scales_ : live_scales(layer_ - 1);
    const int first = scales_ - out_scales;
    std::map<int, int> next;
    for (int scale = first; scale < scales_; ++scale) {
      const std::string name = "layer" + std::to_string(layer_) + ".scale" + std::to_string(scale);
      const std::string module = block_part() + ".layers." + std::to_string(scale - first);
      const int channels = arguments_.growth * factor(scale);
      std::vector<int> parts{maps_.at(scale)};
      if (maps_.count(scale - 1) == 0) {
        parts.push_back(path(scale, name + ".same", channels, 1, module + ".conv_normal.net"));
      } else {
        parts.push_back(
            path(scale - 1, name + ".down", channels / 2, 2, module + ".conv_down.net"));
        parts.push_back(
            path(scale, name + ".same", channels - channels / 2, 1, module + ".conv_normal.net"));
      }
      next[scale] = net_.concat(parts, name + ".concat");
    }
    maps_ = next;
    base_ += arguments_.growth;
    ++module_;
    const bool at_third = layer_ == layers_ / 3 || layer_ == 2 * layers_ / 3;
    const bool reduced = arguments_.prune_max ? in_scales > out_scales : at_third;
    if (reduced && arguments_.reduction > 0) reduce();
  }

  // After a scale was dropped (prune max), or a third of the layers: 1x1 convolutions that keep a
  // share of the channels.
  void reduce() {
    base_ = static_cast<int>(arguments_.reduction * base_);
    int place = 0;
    for (auto& [scale, map] : maps_) {
      map = conv_unit(map, "transition" + std::to_string(layer_) + ".scale" + std::to_string(scale),
                      base_ * factor(scale), 1, 1);
      called(map, block_part() + ".m." + std::to_string(place++) + ".net");
    }
    ++module_;
  }

  void exit(const std::string& name) {
    const std::string module = "classifier." + std::to_string(block_);
    int last = conv_unit(maps_.rbegin()->second, name + ".first", 128, 3, 2);
    last = conv_unit(called(last, module + ".m.0.net"), name + ".second", 128, 3, 2);
    called(last, module + ".m.1.net");
    int features = net_.global_average_pool(last, name + ".pool");
    if (arguments_.link > 0 && answer_ > 0) {
      const int before = conv_unit(answer_, name + ".link", arguments_.link, 1, 1);
      features = net_.concat({features, before}, name + ".linked");
    }
    answer_ = net_.exit(features, name + ".classifier", module + ".linear");
  }

  const Arguments& arguments_;
  int scales_;
  NetBuilder net_;
  int layers_ = 0;           // of all blocks
  int layer_ = 0;            // the one being built, from 1
  int block_ = 0;            // the one being built, from 0
  int module_ = 0;           // PyTorch's next place in it
  int answer_ = 0;           // the last exit's linear layer; 0 = none yet
  int base_ = 0;             // channels of a live map / its scale's factor
  std::map<int, int> maps_;  // scale -> layer index; only live scales
};

bool parse_choice(const std::string& option, const std::string& text, const std::string& yes,
                  const std::string& no) {
  if (text != yes && text != no) {
    throw UsageError("net option \"" + option + "\" is \"" + text + "\"; expected " + yes + " or " +
                     no);
  }
  return text == yes;
}

double parse_share(const std::string& option, const std::string& text) {
  const auto value = parse_real(text);
  if (!value || *value < 0 || *value > 1) {
    throw UsageError("net option \"" + option + "\" is \"" + text + "\"; expected 0 to 1");
  }
  return *value;
}

}  // namespace

NetSpec msdnet(const NetInput& input, const NetOptions& options) {
  const auto number = [&](const std::string& option, int least, int most) {
    return parse_number(option, options.at(option), least, most);
  };
  Arguments arguments;
  arguments.blocks = number("blocks", 1, 32);
  arguments.base = number("base", 1, 64);
  arguments.step = number("step", 1, 8);
  arguments.channels = number("channels", 1, 4096);
  arguments.growth = number("growth", 1, 4096);
  arguments.link = number("link", 0, 4096);
  arguments.linear_growth = parse_choice("step-mode", options.at("step-mode"), "lin-grow", "even");
  arguments.prune_max = parse_choice("prune", options.at("prune"), "max", "min");
  arguments.bottleneck = parse_choice("bottleneck", options.at("bottleneck"), "yes", "no");
  arguments.reduction = parse_share("reduction", options.at("reduction"));
  arguments.scale_factors = parse_numbers("scale-factors", options.at("scale-factors"), 0, 1, 64);
  arguments.bottleneck_factors =
      parse_numbers("bottleneck-factors", options.at("bottleneck-factors"),
                    static_cast<int>(arguments.scale_factors.size()), 1, 64);
  arguments.activation = parse_activation(options, "relu", Activation::relu);
  MsdNet net(arguments, input, "msdnet", number("divisor", 1, 64));
  return net.build(parse_widths("widths", options.at("widths")));
}

}  // namespace concertina
