#include "concertina/nets/catalog.h"

#include <gmock/gmock.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

using testing::HasSubstr;

template <typename Fault>
std::string refusal(const std::string& name, const std::vector<std::string>& settings) {
  try {
    make_net(name, {}, settings);
  } catch (const Fault& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Catalog, EveryNetFitsEveryBuiltInDataShape) {
  for (const NetEntry& entry : net_catalog()) {
    EXPECT_FALSE(entry.summary.empty());
    for (const NetInput& input : {NetInput{10, 3, 32, 32}, {100, 3, 32, 32}, {10, 1, 28, 28}}) {
      const NetSpec net = make_net(entry.name, input);
      EXPECT_EQ(net.name, entry.name);
      EXPECT_EQ(net.classes, input.classes);
    }
  }
}

TEST(Catalog, UnknownNamesGetTheNearest) {
  EXPECT_THAT(refusal<NoInputError>("msdnet-aa", {}), HasSubstr("did you mean \"msdnet-a\""));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"growht=4"}), HasSubstr("did you mean \"growth\""));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"growth"}), HasSubstr("expected key=value"));
}

TEST(Catalog, BadOptionsSayWhatIsExpected) {
  const auto mobilenet = [](const std::string& setting) {
    return refusal<UsageError>("slimmable-mobilenet-v1", {setting});
  };
  EXPECT_THAT(mobilenet("stem-stride=9"), HasSubstr("expected a number from 1 to 4"));
  EXPECT_THAT(mobilenet("stage-strides=1-2-2"), HasSubstr("expected 5 numbers"));
  EXPECT_THAT(mobilenet("widths=1-0.5"), HasSubstr("ascending widths that end with 1"));
  EXPECT_THAT(mobilenet("widths=0.25-0.5"), HasSubstr("ascending widths that end with 1"));
  EXPECT_THAT(mobilenet("activation=relu"),
              HasSubstr("net option \"activation\" is \"relu\"; expected relu6 or lma"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"activation=gelu"}),
              HasSubstr("expected relu or lma"));
  EXPECT_THAT(mobilenet("lma-segments=65"), HasSubstr("expected a number from 2 to 64"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"prune=mix"}), HasSubstr("expected max or min"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"reduction=2"}), HasSubstr("expected 0 to 1"));
}

TEST(Catalog, OptionsThatDoNotGoTogetherAreRefused) {
  EXPECT_THAT(refusal<UsageError>("nonn-mobilenet-v1", {"devices=2", "part-channels=8-8-8"}),
              HasSubstr("\"part-channels\" has 3 parts; expected at most 2, the devices"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"activation=lma", "lma-segments=7"}),
              HasSubstr("has 7 segments; expected an even number from 2 to 64"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"growth=1", "scale-factors=1-1-1"}),
              HasSubstr("do not go together"));
  EXPECT_THAT(refusal<UsageError>("msdnet", {"growth=4096", "scale-factors=1-2-64", "blocks=32",
                                             "step=8", "step-mode=lin-grow"}),
              HasSubstr("do not go together"));
}

TEST(Catalog, EveryMsdNetArgumentChangesTheNet) {
  const auto text = [](const std::vector<std::string>& settings) {
    return write_spec(make_net("msdnet", {}, settings));
  };
  const std::string plain = text({});
  for (const std::string setting :
       {"blocks=5", "base=3", "step=1", "step-mode=lin-grow", "channels=8", "growth=8",
        "scale-factors=1-2-2", "bottleneck=no", "bottleneck-factors=1-1-1", "reduction=0.25",
        "reduction=0", "prune=min", "activation=lma", "divisor=2", "link=8", "widths=0.5-1"}) {
    EXPECT_NE(text({setting}), plain) << setting;
  }
}

}  // namespace
}  // namespace concertina
