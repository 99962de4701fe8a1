#include <limits>

#include <gtest/gtest.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

TEST(ParseQuantity, ReadsCounts) {
  EXPECT_EQ(parse_quantity("300M", Unit::count, "x"), 300e6);
  EXPECT_EQ(parse_quantity("1.5G", Unit::count, "x"), 1.5e9);
  EXPECT_EQ(parse_quantity("12k", Unit::count, "x"), 12e3);
  EXPECT_EQ(parse_quantity(" 12 K ", Unit::count, "x"), 12e3);
  EXPECT_EQ(parse_quantity("2T", Unit::count, "x"), 2e12);
  EXPECT_EQ(parse_quantity("1e6", Unit::count, "x"), 1e6);
  EXPECT_EQ(parse_quantity("0", Unit::count, "x"), 0);
}

TEST(ParseQuantity, ReadsBytes) {
  EXPECT_EQ(parse_quantity("64MiB", Unit::bytes, "x"), 64.0 * 1024 * 1024);
  EXPECT_EQ(parse_quantity("1.5GiB", Unit::bytes, "x"), 1.5 * 1024 * 1024 * 1024);
  EXPECT_EQ(parse_quantity("300kB", Unit::bytes, "x"), 300e3);
  EXPECT_EQ(parse_quantity("4MB", Unit::bytes, "x"), 4e6);
  EXPECT_EQ(parse_quantity("100", Unit::bytes, "x"), 100);
  EXPECT_EQ(parse_quantity("100B", Unit::bytes, "x"), 100);
}

TEST(ParseQuantity, ReadsTimesToTheNearestDouble) {
  EXPECT_EQ(parse_quantity("4ms", Unit::seconds, "x"), 0.004);
  EXPECT_EQ(parse_quantity("250us", Unit::seconds, "x"), 0.00025);
  EXPECT_EQ(parse_quantity("3ns", Unit::seconds, "x"), 3e-9);
  EXPECT_EQ(parse_quantity("1.5s", Unit::seconds, "x"), 1.5);
  EXPECT_EQ(parse_quantity("2min", Unit::seconds, "x"), 120);
  EXPECT_EQ(parse_quantity("1h", Unit::seconds, "x"), 3600);
}

TEST(ParseQuantity, ReadsFractions) {
  EXPECT_EQ(parse_quantity("85%", Unit::fraction, "x"), 0.85);
  EXPECT_EQ(parse_quantity("0.85", Unit::fraction, "x"), 0.85);
  EXPECT_EQ(parse_quantity("100%", Unit::fraction, "x"), 1);
  EXPECT_EQ(parse_quantity("1", Unit::fraction, "x"), 1);
  EXPECT_EQ(parse_quantity("0%", Unit::fraction, "x"), 0);
}

struct Refused {
  const char* text;
  Unit unit;
};

TEST(ParseQuantity, RefusesWhatIsNotOne) {
  for (const auto& [text, unit] : std::vector<Refused>{
           {"", Unit::count},       {" ", Unit::count},       {"M", Unit::count},
           {"-1", Unit::count},     {"-0", Unit::count},      {"+1", Unit::count},
           {"nan", Unit::count},    {"inf", Unit::count},     {"1e999", Unit::count},
           {"1e300T", Unit::count}, {"5m", Unit::count},      {"5ms", Unit::count},
           {"1,5", Unit::count},    {"3 0M", Unit::count},    {"0x10", Unit::count},
           {"64Mib", Unit::bytes},  {"64M", Unit::bytes},     {"4", Unit::seconds},
           {"0", Unit::seconds},    {"4m", Unit::seconds},    {"4MS", Unit::seconds},
           {"ms", Unit::seconds},   {"85", Unit::fraction},   {"101%", Unit::fraction},
           {"-5%", Unit::fraction}, {"85%%", Unit::fraction}, {"nan%", Unit::fraction}}) {
    EXPECT_THROW(parse_quantity(text, unit, "x"), UsageError) << "'" << text << "'";
  }
}

TEST(ParseQuantity, SaysWhatWasFoundAndExpected) {
  try {
    parse_quantity("4", Unit::seconds, "--max-latency");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "--max-latency: \"4\" is not a time with its unit; expected for example 4ms");
  }
}

TEST(FormatQuantity, IsShortWithItsUnit) {
  EXPECT_EQ(format_quantity(12345678, Unit::count), "12.3M");
  EXPECT_EQ(format_quantity(15e6, Unit::count), "15M");
  EXPECT_EQ(format_quantity(999, Unit::count), "999");
  EXPECT_EQ(format_quantity(-1500, Unit::count), "-1.5k");
  EXPECT_EQ(format_quantity(0, Unit::count), "0");
  EXPECT_EQ(format_quantity(5e15, Unit::count), "5000T");
  EXPECT_EQ(format_quantity(1536, Unit::bytes), "1.5KiB");
  EXPECT_EQ(format_quantity(12, Unit::bytes), "12B");
  EXPECT_EQ(format_quantity(64.0 * 1024 * 1024, Unit::bytes), "64MiB");
  EXPECT_EQ(format_quantity(0.0042, Unit::seconds), "4.20ms");
  EXPECT_EQ(format_quantity(2, Unit::seconds), "2.00s");
  EXPECT_EQ(format_quantity(0.00025, Unit::seconds), "250.00us");
  EXPECT_EQ(format_quantity(3e-9, Unit::seconds), "3.00ns");
  EXPECT_EQ(format_quantity(0, Unit::seconds), "0.00s");
  EXPECT_EQ(format_quantity(0.853, Unit::fraction), "85.30%");
}

TEST(FormatQuantity, TakesTheNextUnitWhenRoundingReachesIt) {
  EXPECT_EQ(format_quantity(999999, Unit::count), "1M");
  EXPECT_EQ(format_quantity(1024 * 1024 - 1, Unit::bytes), "1MiB");
  EXPECT_EQ(format_quantity(0.9999999, Unit::seconds), "1.00s");
  EXPECT_EQ(format_quantity(0.9999999e-3, Unit::seconds), "1.00ms");
}

TEST(FormatQuantity, IsReadBack) {
  for (const Unit unit : {Unit::count, Unit::bytes, Unit::seconds, Unit::fraction}) {
    for (const double value : {0.0, 0.5, 1.0}) {
      EXPECT_EQ(parse_quantity(format_quantity(value, unit), unit, "x"), value);
    }
  }
}

}  // namespace
}  // namespace concertina
