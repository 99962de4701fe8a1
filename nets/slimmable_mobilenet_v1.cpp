// Slimmable MobileNet-V1: a 3x3 stem, thirteen depthwise-separable blocks, global average pooling
// and one linear exit. Every channel count scales with the width. With `branches`, the stages
// behind the shared ones stand several times side by side, each with an exit of its own. With
// `devices`, whole nets stand side by side, and what they send makes one answer. Sources: Howard et
// al. 2017; Yu et al. 2019 ("Slimmable neural networks"); docs/methods.md, MobileNet-V1, Devices
// that fail and, for the strides, MobileNet-V1 at 32x32. The modules' names are those of the
// published PyTorch code, JiahuiYu/slimmable_networks.
#include <algorithm>
#include <vector>

#include "concertina/core/error.h"

#include "builder.h"

namespace concertina {
namespace {

struct Stage {
  int channels;
  int blocks;
};
// At the multiplier 1; the widths then scale these.
constexpr Stage kStages[] = {{64, 1}, {128, 2}, {256, 2}, {512, 6}, {1024, 2}};
constexpr int kStem = 32;

struct Arguments {
  int stem_stride, percent;
  int branches = 1, shared_stages = 0;
  int devices = 0;
  std::vector<int> part_channels;  // of several devices: of the map that each part is, fixed
  std::vector<int> strides, blocks;
  NetActivation activation;

  int scaled(int channels) const { return std::max(1, channels * percent / 100); }
};

class MobileNet {
 public:
  MobileNet(const Arguments& arguments, const NetInput& input)
      : arguments_(arguments), net_("slimmable-mobilenet-v1", input, 8) {}

  NetSpec build(std::vector<Width> widths) {
    if (arguments_.devices > 0) {
      run_devices();
    } else {
      run_branches();
    }
    return net_.finish(std::move(widths));
  }

 private:
  void run_branches() {
    int last = run_stem("");
    const int stages = stage_count();
    if (arguments_.branches == 1) {
      return exit(run_stages(last, 0, stages, ""), "", "classifier.0");
    }
    last = run_stages(last, 0, arguments_.shared_stages, "");
    for (int branch = 1; branch <= arguments_.branches; ++branch) {
      const std::string name = "branch" + std::to_string(branch) + ".";
      exit(run_stages(last, arguments_.shared_stages, stages, name), name, "");
    }
  }

  // Device i sends part i modulo the number of parts.
  void run_devices() {
    const auto parts = static_cast<int>(arguments_.part_channels.size());
    std::vector<std::vector<int>> sent(arguments_.part_channels.size());
    for (int device = 0; device < arguments_.devices; ++device) {
      const std::string name = "device" + std::to_string(device + 1) + ".";
      const auto part = static_cast<std::size_t>(device % parts);
      int last = run_stages(run_stem(name), 0, stage_count(), name);
      last = net_.conv(last, name + "head.conv", arguments_.part_channels[part], 1, 1,
                       /*elastic=*/false);
      sent[part].push_back(net_.norm_activation(last, name + "head", arguments_.activation));
    }
    std::vector<int> averages;
    for (int part = 0; part < parts; ++part) {
      averages.push_back(
          net_.mean(sent[static_cast<std::size_t>(part)], "part" + std::to_string(part + 1)));
    }
    exit(parts == 1 ? averages.front() : net_.concat(averages, "parts"), "", "");
  }

  int stage_count() const { return static_cast<int>(arguments_.strides.size()); }
  bool is_published() const { return arguments_.branches == 1 && arguments_.devices == 0; }

  int run_stem(const std::string& prefix) {
    net_.begin_stage(0);
    int last =
        net_.conv(0, prefix + "stem.conv", arguments_.scaled(kStem), 3, arguments_.stem_stride);
    last = net_.norm_activation(last, prefix + "stem", arguments_.activation);
    if (arguments_.devices == 0) net_.call(last, "features.0.0", "features.0.1");
    return last;
  }

  // Stages from..to behind a layer; their names begin with `prefix`.
  int run_stages(int last, int from, int to, const std::string& prefix) {
    for (int stage = from; stage < to; ++stage) {
      const auto place = static_cast<std::size_t>(stage);
      net_.begin_stage(stage);
      for (int block = 0; block < arguments_.blocks[place]; ++block) {
        const std::string name =
            prefix + "stage" + std::to_string(stage + 1) + "." + std::to_string(block + 1);
        last = run_block(last, name, kStages[place].channels,
                         block == 0 ? arguments_.strides[place] : 1);
      }
    }
    return last;
  }

  int run_block(int last, const std::string& name, int channels, int stride) {
    const std::string body = "features." + std::to_string(++feature_) + ".body.";
    last = net_.depthwise(last, name + ".depthwise.conv", 3, stride);
    last = net_.norm_activation(last, name + ".depthwise", arguments_.activation);
    if (is_published()) net_.call(last, body + "0", body + "1");
    last = net_.conv(last, name + ".pointwise.conv", arguments_.scaled(channels), 1, 1);
    last = net_.norm_activation(last, name + ".pointwise", arguments_.activation);
    if (is_published()) net_.call(last, body + "3", body + "4");
    return last;
  }

  void exit(int last, const std::string& prefix, const std::string& module) {
    net_.exit(net_.global_average_pool(last, prefix + "pool"), prefix + "classifier", module);
  }

  const Arguments& arguments_;
  NetBuilder net_;
  int feature_ = 0;  // blocks so far, as PyTorch counts them
};

int number(const NetOptions& options, const char* option, int least, int most) {
  return parse_number(option, options.at(option), least, most);
}

// The layers that both nets have.
Arguments common_arguments(const NetOptions& options) {
  Arguments arguments;
  arguments.stem_stride = number(options, "stem-stride", 1, 4);
  arguments.strides = parse_numbers("stage-strides", options.at("stage-strides"), 5, 1, 4);
  arguments.blocks = parse_numbers("stage-blocks", options.at("stage-blocks"), 5, 1, 64);
  arguments.percent = number(options, "channels-percent", 1, 1000);
  arguments.activation = parse_activation(options, "relu6", Activation::relu6);
  return arguments;
}

}  // namespace

NetSpec slimmable_mobilenet_v1(const NetInput& input, const NetOptions& options) {
  Arguments arguments = common_arguments(options);
  arguments.branches = number(options, "branches", 1, 32);
  arguments.shared_stages = number(options, "shared-stages", 0, 4);
  return MobileNet(arguments, input).build(parse_widths("widths", options.at("widths")));
}

NetSpec nonn_mobilenet_v1(const NetInput& input, const NetOptions& options) {
  Arguments arguments = common_arguments(options);
  arguments.devices = number(options, "devices", 2, 64);
  arguments.part_channels =
      parse_numbers("part-channels", options.at("part-channels"), 0, 1, 1 << 16);
  if (static_cast<int>(arguments.part_channels.size()) > arguments.devices) {
    throw UsageError("net option \"part-channels\" has " +
                     std::to_string(arguments.part_channels.size()) + " parts; expected at most " +
                     std::to_string(arguments.devices) + ", the devices");
  }
  return MobileNet(arguments, input).build(parse_widths("widths", options.at("widths")));
}

}  // namespace concertina
