#include "concertina/core/text.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>

#include "concertina/core/random.h"

namespace concertina {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Text, IsTrimmedOfWhiteSpace) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, IsSplitKeepingEmptyPieces) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split(" a b , c ", ','), ElementsAre("a b", "c"));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
}

TEST(Text, IsCutIntoWords) {
  EXPECT_THAT(words("  one\ttwo \n three"), ElementsAre("one", "two", "three"));
  EXPECT_THAT(words(" "), IsEmpty());
}

TEST(Text, IsJoined) {
  EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b");
  EXPECT_EQ(join({}, ","), "");
}

TEST(ParseInteger, TakesWholeNumbersOnly) {
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(ParseReal, TakesFiniteNumbersOnly) {
  EXPECT_EQ(parse_real("-1.5e-3"), -0.0015);
  EXPECT_EQ(parse_real(".5"), 0.5);
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "1.5x", " 1", "1 ", "0x1p3", "1,5"}) {
    EXPECT_EQ(parse_real(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(FormatReal, IsPlainAndShort) {
  EXPECT_EQ(format_real(0.1), "0.1");
  EXPECT_EQ(format_real(0.0001), "0.0001");
  EXPECT_EQ(format_real(1e-8), "0.00000001");
  EXPECT_EQ(format_real(100000), "100000");
  EXPECT_EQ(format_real(1e15), "1000000000000000");
  EXPECT_EQ(format_real(-2.5), "-2.5");
  EXPECT_EQ(format_real(0), "0");
  EXPECT_EQ(format_real(1e-300), "1e-300");
  EXPECT_EQ(format_real(1e300), "1e+300");
}

TEST(FormatReal, ReadsBackToTheSameDouble) {
  CounterRandom random(1, Stream::bench);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::ldexp(random.normal(), static_cast<int>(random.below(400)) - 200);
    ASSERT_EQ(parse_real(format_real(value)), value) << format_real(value);
  }
  for (const double value : {std::numeric_limits<double>::max(), 1e-9, 9.999999999999999e-10, 1e16,
                             std::numeric_limits<double>::min(), 0.1 + 0.2}) {
    EXPECT_EQ(parse_real(format_real(value)), value);
  }
}

TEST(FormatFixed, HasItsDecimals) {
  EXPECT_EQ(format_fixed(1.005, 1), "1.0");
  EXPECT_EQ(format_fixed(-2.346, 2), "-2.35");
  EXPECT_EQ(format_fixed(3, 0), "3");
  EXPECT_EQ(format_fixed(std::nan(""), 2), "nan");
  EXPECT_EQ(format_fixed(std::numeric_limits<double>::lowest(), 2).size(), 313U);
}

TEST(Nearest, FindsALikelySlip) {
  const std::vector<std::string> known = {"joint", "ipkd", "ipkd-ta", "sandwich"};
  EXPECT_EQ(nearest("sandwhich", known), "sandwich");
  EXPECT_EQ(nearest("jiont", known), "joint");
  EXPECT_EQ(nearest("IPKD-TA", known), "ipkd-ta");
  EXPECT_EQ(nearest("ipdk", known), "ipkd");
  EXPECT_EQ(nearest("ipkd", known), "ipkd");
}

TEST(Nearest, GivesNothingFarAway) {
  EXPECT_EQ(nearest("resnet", {"joint", "ipkd"}), "");
  EXPECT_EQ(nearest("x", {"y"}), "");
  EXPECT_EQ(nearest("", {"a", "ab"}), "");
  EXPECT_EQ(nearest("word", {}), "");
}

TEST(UnknownMessage, ListsTheKnownAndHintsWhenNear) {
  EXPECT_EQ(unknown_message("net", "msdnet-f", {"msdnet-a", "tiny"}),
            "unknown net \"msdnet-f\"; did you mean \"msdnet-a\"? known: msdnet-a tiny");
  EXPECT_EQ(unknown_message("net", "vgg", {"msdnet-a", "tiny"}),
            "unknown net \"vgg\"; known: msdnet-a tiny");
}

}  // namespace
}  // namespace concertina
