// Slimmable MobileNet-V1: a 3x3 stem, thirteen depthwise-separable blocks, global average pooling
// and one linear exit. Every channel count scales with the width. With `branches`, the stages
// behind the shared ones stand several times side by side, each with an exit of its own. Sources:
// Howard et al. 2017; Yu et al. 2019 ("Slimmable neural networks"); docs/methods.md, MobileNet-V1
// and, for the strides, MobileNet-V1 at 32x32. The modules' names are those of the published
// PyTorch code, JiahuiYu/slimmable_networks.
#include <algorithm>
#include <vector>

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
  int stem_stride, percent, branches, shared_stages;
  std::vector<int> strides, blocks;
  NetActivation activation;

  int scaled(int channels) const { return std::max(1, channels * percent / 100); }
};

class MobileNet {
 public:
  MobileNet(const Arguments& arguments, const NetInput& input)
      : arguments_(arguments), net_("slimmable-mobilenet-v1", input, 8) {}

  NetSpec build(std::vector<Width> widths) {
    int last = net_.conv(0, "stem.conv", arguments_.scaled(kStem), 3, arguments_.stem_stride);
    last = net_.norm_activation(last, "stem", arguments_.activation);
    net_.call(last, "features.0.0", "features.0.1");
    const int stages = static_cast<int>(arguments_.strides.size());
    if (arguments_.branches == 1) {
      exit(run_stages(last, 0, stages, ""), "", "classifier.0");
      return net_.finish(std::move(widths));
    }
    last = run_stages(last, 0, arguments_.shared_stages, "");
    for (int branch = 1; branch <= arguments_.branches; ++branch) {
      const std::string name = "branch" + std::to_string(branch) + ".";
      exit(run_stages(last, arguments_.shared_stages, stages, name), name, "");
    }
    return net_.finish(std::move(widths));
  }

 private:
  // Stages from..to behind a layer; their names begin with `prefix`.
  int run_stages(int last, int from, int to, const std::string& prefix) {
    for (int stage = from; stage < to; ++stage) {
      const auto place = static_cast<std::size_t>(stage);
      net_.begin_stage(stage);  // the stem belongs to the first
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
    if (arguments_.branches == 1) net_.call(last, body + "0", body + "1");
    last = net_.conv(last, name + ".pointwise.conv", arguments_.scaled(channels), 1, 1);
    last = net_.norm_activation(last, name + ".pointwise", arguments_.activation);
    if (arguments_.branches == 1) net_.call(last, body + "3", body + "4");
    return last;
  }

  void exit(int last, const std::string& prefix, const std::string& module) {
    net_.exit(net_.global_average_pool(last, prefix + "pool"), prefix + "classifier", module);
  }

  const Arguments& arguments_;
  NetBuilder net_;
  int feature_ = 0;  // blocks so far, as PyTorch counts them
};

}  // namespace

NetSpec slimmable_mobilenet_v1(const NetInput& input, const NetOptions& options) {
  const auto number = [&](const char* option, int least, int most) {
    return parse_number(option, options.at(option), least, most);
  };
  Arguments arguments;
  arguments.stem_stride = number("stem-stride", 1, 4);
  arguments.strides = parse_numbers("stage-strides", options.at("stage-strides"), 5, 1, 4);
  arguments.blocks = parse_numbers("stage-blocks", options.at("stage-blocks"), 5, 1, 64);
  arguments.percent = number("channels-percent", 1, 1000);
  arguments.branches = number("branches", 1, 32);
  arguments.activation = parse_activation(options, "relu6", Activation::relu6);
  arguments.shared_stages = number("shared-stages", 0, 4);
  return MobileNet(arguments, input).build(parse_widths("widths", options.at("widths")));
}

}  // namespace concertina
