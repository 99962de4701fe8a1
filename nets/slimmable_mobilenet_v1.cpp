// Slimmable MobileNet-V1: a 3x3 stem, thirteen depthwise-separable blocks, global average pooling
// and one linear exit. Every channel count scales with the width. Sources: Howard et al. 2017; Yu
// et al. 2019 ("Slimmable neural networks"); docs/methods.md, MobileNet-V1 and, for the strides,
// MobileNet-V1 at 32x32. The modules' names are those of the published PyTorch code,
// JiahuiYu/slimmable_networks.
#include <algorithm>

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

}  // namespace

NetSpec slimmable_mobilenet_v1(const NetInput& input, const NetOptions& options) {
  const int stem_stride = parse_number("stem-stride", options.at("stem-stride"), 1, 4);
  const auto strides = parse_numbers("stage-strides", options.at("stage-strides"), 5, 1, 4);
  const auto blocks = parse_numbers("stage-blocks", options.at("stage-blocks"), 5, 1, 64);
  const int percent = parse_number("channels-percent", options.at("channels-percent"), 1, 1000);
  const auto scaled = [&](int channels) { return std::max(1, channels * percent / 100); };

  NetBuilder net("slimmable-mobilenet-v1", input, 8);
  int last = net.conv(0, "stem.conv", scaled(kStem), 3, stem_stride);
  last = net.norm_activation(last, "stem", Activation::relu6);
  net.call(last, "features.0.0", "features.0.1");
  int feature = 0;
  for (std::size_t stage = 0; stage < strides.size(); ++stage) {
    net.begin_stage(static_cast<int>(stage));  // the stem belongs to the first
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name =
          "stage" + std::to_string(stage + 1) + "." + std::to_string(block + 1);
      last = net.depthwise(last, name + ".depthwise.conv", 3, block == 0 ? strides[stage] : 1);
      last = net.norm_activation(last, name + ".depthwise", Activation::relu6);
      const std::string body = "features." + std::to_string(++feature) + ".body.";
      net.call(last, body + "0", body + "1");
      last = net.conv(last, name + ".pointwise.conv", scaled(kStages[stage].channels), 1, 1);
      last = net.norm_activation(last, name + ".pointwise", Activation::relu6);
      net.call(last, body + "3", body + "4");
    }
  }
  last = net.global_average_pool(last, "pool");
  net.exit(last, "classifier", "classifier.0");
  return net.finish(parse_widths("widths", options.at("widths")));
}

}  // namespace concertina
