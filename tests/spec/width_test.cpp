#include "concertina/spec/width.h"

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/spec/map_grid.h"

namespace concertina {
namespace {

TEST(Width, ReadsAndPrintsExactly) {
  for (const auto& [text, thousandths] :
       {std::pair{"0.25", 250}, {".5", 500}, {"1", 1000}, {"1.000", 1000}, {"0.001", 1}}) {
    EXPECT_EQ(Width::parse(text).thousandths(), thousandths) << text;
  }
  EXPECT_EQ(Width::parse("0.5").label(), "w0.500");
  EXPECT_EQ(Width::parse("1").label(), "w1.000");
  EXPECT_EQ(Width::parse("0.250").text(), "0.25");
  EXPECT_EQ(Width::parse("1.0").text(), "1");
}

TEST(Width, EveryThousandthSurvivesItsText) {
  for (int thousandths = 1; thousandths <= 1000; ++thousandths) {
    const Width width = Width::from_thousandths(thousandths);
    EXPECT_EQ(Width::parse(width.text()), width);
  }
}

TEST(Width, RefusesWhatIsNoShare) {
  for (const char* text : {"", ".", "0", "0.0", "1.001", "-0.5", "0.2500", "half", "1e-1", "2"}) {
    EXPECT_THROW(Width::parse(text), UsageError) << text;
  }
  EXPECT_THROW(Width::from_thousandths(0), UsageError);
}

TEST(Width, MayHaveAShareAStage) {
  const Width width = Width::parse("0.5,0.75,0.75,1");
  EXPECT_EQ(width, Width::per_stage({500, 750, 750, 1000}));
  EXPECT_EQ(width, Width::parse("0.5-0.75-0.75-1-1"));  // the last counts for those that follow
  EXPECT_EQ(width.text(), "0.5-0.75-0.75-1");
  EXPECT_EQ(width.label(), "w0.500-0.750-0.750-1.000");
  EXPECT_EQ(Width::parse(width.text()), width);
  EXPECT_EQ(Width::parse_label(width.label()), width);
  EXPECT_EQ(width.thousandths(1), 750);
  EXPECT_EQ(width.thousandths(99), 1000);
  EXPECT_FALSE(width.is_uniform());
  EXPECT_EQ(Width::parse("0.5,0.5"), Width::parse("0.5"));
  EXPECT_TRUE(Width::parse("1-1").is_full());
  EXPECT_LT(width, Width());
  EXPECT_LT(Width::parse("0.5"), width);
}

TEST(Width, RefusesStagesThatAreNone) {
  for (const char* text : {"0.5,", "0.5--1", ",1", "0.5,0", "0.5,1.1", "0.5,x"}) {
    EXPECT_THROW(Width::parse(text), UsageError) << text;
  }
  EXPECT_THROW(Width::per_stage({}), UsageError);
  EXPECT_THROW(Width::per_stage(std::vector<int>(Width::kMaxStages + 1, 500)), UsageError);
  EXPECT_THROW(Width::parse_label("0.500"), UsageError);
}

TEST(Width, MayHaveFewerBits) {
  const Width width = Width::parse("0.5@8");
  EXPECT_EQ(width.bits(), 8);
  EXPECT_EQ(width.thousandths(), 500);
  EXPECT_TRUE(width.is_quantized());
  EXPECT_EQ(width, Width::from_thousandths(500).with_bits(8));
  EXPECT_EQ(width.text(), "0.5@8");
  EXPECT_EQ(width.label(), "w0.500@8");
  EXPECT_EQ(Width::parse_label("w0.500@8"), width);
  EXPECT_EQ(Width::parse("1@32"), Width());
  EXPECT_EQ(Width::parse("0.5-0.75@4").label(), "w0.500-0.750@4");
  EXPECT_EQ(Width::parse("0.5,0.75@4"), Width::per_stage({500, 750}).with_bits(4));
  EXPECT_TRUE(Width::parse("1@4").is_uniform());
  EXPECT_FALSE(Width::parse("1@4").is_full());
  EXPECT_FALSE(Width().is_quantized());
  for (int bits = 1; bits <= Width::kMostBits; ++bits) {
    EXPECT_EQ(Width::parse(Width().with_bits(bits).text()), Width().with_bits(bits));
  }
}

TEST(Width, OrdersBySharesThenBits) {
  const std::vector<Width> widths = parse_widths("1 1@8 0.5 1@2 0.5@4 1@4");
  EXPECT_EQ(widths_text(widths), "0.5@4 0.5 1@2 1@4 1@8 1");
  for (std::size_t k = 1; k < widths.size(); ++k) EXPECT_LT(widths[k - 1], widths[k]);
  EXPECT_NE(Width::parse("1@2"), Width());
  EXPECT_TRUE(any_quantized(widths));
  EXPECT_FALSE(any_quantized(parse_widths("0.5 1")));
}

TEST(Width, RefusesBitsThatAreNone) {
  for (const char* text : {"1@", "1@0", "1@9", "1@16", "1@x", "1@4@4", "@4", "0.5@4,1", "1@-4"}) {
    EXPECT_THROW(Width::parse(text), UsageError) << text;
  }
  EXPECT_THROW(Width().with_bits(0), UsageError);
  try {
    Width::parse("0.5@16");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "width \"0.5@16\": \"16\" bits; expected 1 to 8, or 32 for float32");
  }
}

std::vector<int> thousandths_of(const std::string& text) {
  std::vector<int> all;
  for (const Width width : parse_widths(text)) all.push_back(width.thousandths());
  return all;
}

TEST(Widths, AreListsAndRanges) {
  EXPECT_EQ(thousandths_of("1, 0.25 0.5"), (std::vector<int>{250, 500, 1000}));
  EXPECT_EQ(thousandths_of("0.25:1:0.25"), (std::vector<int>{250, 500, 750, 1000}));
  EXPECT_EQ(thousandths_of("0.9:1:0.03,0.5"), (std::vector<int>{500, 900, 930, 960, 990}));
  EXPECT_EQ(thousandths_of("0.5:0.5:1"), (std::vector<int>{500}));
  EXPECT_EQ(thousandths_of("0.25:1:0.025").size(), 31U);
  EXPECT_EQ(parse_widths("1,0.5-1 0.5"),
            (std::vector<Width>{Width::parse("0.5"), Width::per_stage({500, 1000}), Width()}));
}

TEST(Widths, SurviveTheirText) {
  EXPECT_EQ(widths_text(parse_widths("1 0.5,0.75-1 0.25")), "0.25 0.5 0.75-1 1");
  EXPECT_EQ(widths_text(parse_widths("1@4,1 0.5-1@2")), "0.5-1@2 1@4 1");
  EXPECT_EQ(widths_text({}), "");
}

TEST(Widths, RefuseWhatIsNone) {
  for (const char* text :
       {"", " , ", "0.25-0.5:1:0.25", "0.25:1", "0.25:1:0", "1:0.5:0.1", "0.25:2:0.5", "a",
        "::", "0.25@4:1:0.25", "0.25:1@4:0.25", "0.25:1:0.25@4"}) {
    EXPECT_THROW(parse_widths(text), UsageError) << text;
  }
}

TEST(Subnet, OrdersByWidthThenExit) {
  const Subnet small{Width::parse("0.5"), 3};
  const Subnet large{Width::parse("1"), 1};
  EXPECT_LT(small, large);
  EXPECT_LT(large, (Subnet{Width::parse("1"), 2}));
}

TEST(MapGrid, RefusesBitsThatNoWidthHas) {
  EXPECT_THROW(map_grid(0), ProgrammingError);
  EXPECT_THROW(map_grid(Width::kMostBits + 1), ProgrammingError);
  EXPECT_NO_THROW(map_grid(Width::kMostBits));
}

}  // namespace
}  // namespace concertina
