#include "concertina/nets/catalog.h"

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "builder.h"

namespace concertina {
namespace {

// docs/methods.md, Light multi-segment activation
NetOption activation_option(const std::string& usual) {
  return {"activation", usual, usual + ", or lma: multi-segment, trained"};
}
NetOption segments_option() { return {"lma-segments", "8", "of activation lma: even, 2 to 64"}; }

std::vector<NetOption> mobilenet_options(const std::string& stem, const std::string& strides,
                                         const std::string& blocks, const std::string& percent,
                                         const std::string& widths,
                                         const std::vector<NetOption>& own) {
  std::vector<NetOption> options = {
      {"stem-stride", stem, "stride of the first convolution, 1 to 4"},
      {"stage-strides", strides, "strides of the five stages, such as 1-2-2-2-2"},
      {"stage-blocks", blocks, "blocks of the five stages"},
      {"channels-percent", percent, "all channel counts, in percent of the published ones"}};
  options.insert(options.end(), own.begin(), own.end());
  options.push_back(activation_option("relu6"));
  options.push_back(segments_option());
  options.push_back({"widths", widths, "the widths that are trained, ascending to 1"});
  return options;
}

std::vector<NetOption> branches_of(const std::string& branches) {
  return {{"branches", branches,
           "how often the stages behind the shared ones stand side by side, "
           "each with an exit"},
          {"shared-stages", "3", "of several branches: the stages in front of them, 0 to 4"}};
}

std::vector<NetOption> devices_of(const std::string& channels) {
  return {{"devices", "4", "nets side by side; device i sends part i modulo the parts"},
          {"part-channels", channels, "channels of each part's map, whatever the width"}};
}

struct MsdNetPreset {
  std::string blocks, base, step, step_mode, channels, growth, widths;
};

std::vector<NetOption> msdnet_options(const MsdNetPreset& preset) {
  return {
      {"blocks", preset.blocks, "blocks, each followed by an exit"},
      {"base", preset.base, "layers before the first exit"},
      {"step", preset.step, "layers of every further block (step-mode lin-grow: step * i + 1)"},
      {"step-mode", preset.step_mode, "even or lin-grow"},
      {"channels", preset.channels, "channels of the finest scale's first map"},
      {"growth", preset.growth, "new channels a layer, at the finest scale"},
      {"scale-factors", "1-2-4", "channel factor of each scale; their number is the scales"},
      {"bottleneck", "yes", "yes or no: 1x1 convolutions before the 3x3 ones"},
      {"bottleneck-factors", "1-2-4", "width of each scale's bottleneck, in new channels"},
      {"reduction", "0.5", "share of the channels kept when a scale is dropped; 0 = all"},
      {"prune", "max", "max or min: how scales are dropped with depth"},
      {"divisor", "1", "elastic channel counts are multiples of this"},
      {"link", "0", "channels in which an exit's answer joins the next exit's features; 0: none"},
      activation_option("relu"),
      segments_option(),
      {"widths", preset.widths, "the widths that are trained, ascending to 1"}};
}

NetEntry mobilenet_entry(const std::string& name, const std::string& summary,
                         std::vector<NetOption> options) {
  return {name, summary, std::move(options), &slimmable_mobilenet_v1};
}

NetEntry devices_entry(const std::string& name, const std::string& summary,
                       std::vector<NetOption> options) {
  return {name, summary, std::move(options), &nonn_mobilenet_v1};
}

NetEntry msdnet_entry(const std::string& name, const std::string& summary,
                      const MsdNetPreset& preset) {
  return {name, summary, msdnet_options(preset), &msdnet};
}

std::vector<std::string> option_names(const NetEntry& entry) {
  std::vector<std::string> names;
  for (const NetOption& option : entry.options) names.push_back(option.name);
  return names;
}

}  // namespace

// docs/methods.md, MobileNet-V1 and MSDNet, gives the figures of the published ones.
const std::vector<NetEntry>& net_catalog() {
  static const std::vector<NetEntry> entries = {
      mobilenet_entry("slimmable-mobilenet-v1", "MobileNet-V1 in four widths, strides for 32x32",
                      mobilenet_options("1", "1-2-2-2-2", "1-2-2-6-2", "100", "0.25-0.5-0.75-1",
                                        branches_of("1"))),
      mobilenet_entry("slimmable-mobilenet-v1-imagenet", "the same with its strides for 224x224",
                      mobilenet_options("2", "1-2-2-2-2", "1-2-2-6-2", "100", "0.25-0.5-0.75-1",
                                        branches_of("1"))),
      mobilenet_entry(
          "slimmable-mobilenet-v1-small", "three widths of a quarter of its channels",
          mobilenet_options("1", "1-2-2-1-1", "1-1-1-1-1", "25", "0.25-0.5-1", branches_of("1"))),
      mobilenet_entry("slimmable-mobilenet-v1-tiny", "a tiny one in four widths, for tests",
                      mobilenet_options("2", "1-2-2-1-1", "1-1-1-1-1", "25", "0.25-0.5-0.75-1",
                                        branches_of("1"))),
      mobilenet_entry(
          "branched-mobilenet-v1", "MobileNet-V1 with four branches, strides for 32x32",
          mobilenet_options("1", "1-2-2-2-2", "1-2-2-6-2", "100", "1", branches_of("4"))),
      mobilenet_entry(
          "branched-mobilenet-v1-tiny", "a tiny one with three branches, for tests",
          mobilenet_options("2", "1-2-2-1-1", "1-1-1-1-1", "25", "1", branches_of("3"))),
      devices_entry(
          "nonn-mobilenet-v1", "four MobileNet-V1s on devices that send parts of one map",
          mobilenet_options("1", "1-2-2-2-2", "1-2-2-6-2", "25", "0.5-1", devices_of("512-512"))),
      devices_entry(
          "nonn-mobilenet-v1-tiny", "tiny ones on four devices, for tests",
          mobilenet_options("2", "1-2-2-1-1", "1-1-1-1-1", "12", "0.5-1", devices_of("128-128"))),
      msdnet_entry("msdnet", "multi-scale dense net, seven exits (as msdnet-a)",
                   {"7", "4", "2", "even", "16", "6", "1"}),
      msdnet_entry("msdnet-a", "any-time, 7 exits, growth 6",
                   {"7", "4", "2", "even", "16", "6", "1"}),
      msdnet_entry("msdnet-b", "any-time, 7 exits, growth 16",
                   {"7", "4", "2", "even", "16", "16", "1"}),
      msdnet_entry("msdnet-c", "budgeted, 5 exits, growing blocks",
                   {"5", "1", "1", "lin-grow", "16", "6", "1"}),
      msdnet_entry("msdnet-d", "any-time, 10 exits, growth 6",
                   {"10", "4", "2", "even", "16", "6", "1"}),
      msdnet_entry("msdnet-e", "budgeted, 7 exits, growing blocks",
                   {"7", "1", "1", "lin-grow", "16", "6", "1"}),
      msdnet_entry("msdnet-tiny", "a small one with two widths, for trying things and tests",
                   {"3", "2", "1", "even", "8", "4", "0.5-1"}),
  };
  return entries;
}

NetSpec make_net(const std::string& name, const NetInput& input,
                 const std::vector<std::string>& settings) {
  std::vector<std::string> names;
  for (const NetEntry& entry : net_catalog()) {
    names.push_back(entry.name);
    if (entry.name != name) continue;
    NetOptions options;
    for (const NetOption& option : entry.options) options[option.name] = option.fallback;
    for (const std::string& setting : settings) {
      const std::size_t equals = setting.find('=');
      const std::string key(trim(setting.substr(0, equals)));
      if (equals == std::string::npos) {
        throw UsageError("net option \"" + setting + "\"; expected key=value");
      }
      if (options.count(key) == 0) {
        throw UsageError(unknown_message("net option", key, option_names(entry)));
      }
      options[key] = trim(setting.substr(equals + 1));
    }
    try {
      NetSpec net = entry.build(input, options);
      net.name = name;
      return net;
    } catch (const DataError& error) {
      throw UsageError("the options of net \"" + name + "\" do not go together: " + error.what());
    }
  }
  throw NoInputError(unknown_message("net", name, names));
}

}  // namespace concertina
