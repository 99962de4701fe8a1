#include "concertina/recipe/ini.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/refusal.h"

namespace concertina {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string value(const std::string& text) {
  return parse_ini("[s]\nk = " + text, "x.ini")[0].value;
}
std::string refused(const std::string& text) {
  return refusal([&] { parse_ini(text, "x.ini"); });
}

TEST(Ini, GivesEveryEntryWithItsPlace) {
  const auto entries = parse_ini("# head\n[a]\nk = 1\n\n [ b.c ] # tail\n k=2 \nk = 3", "x.ini");
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].section + "|" + entries[0].key + "|" + entries[0].value, "a|k|1");
  EXPECT_EQ(entries[0].line, 3);
  EXPECT_EQ(entries[1].section + "|" + entries[1].key + "|" + entries[1].value, "b.c|k|2");
  EXPECT_EQ(entries[2].line, 7);
}

TEST(Ini, TakesWindowsLineEndsAndByteOrderMark) {
  const auto entries = parse_ini("\xef\xbb\xbf[a]\r\nk = v\r\n", "x.ini");
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].value, "v");
  EXPECT_EQ(entries[0].line, 2);
}

TEST(Ini, OnlyWhiteSpaceOpensAComment) {
  EXPECT_EQ(value("a#b"), "a#b");
  EXPECT_EQ(value("a # b"), "a");
  EXPECT_EQ(value("a\t#b"), "a");
  EXPECT_EQ(value("# b"), "");
}

TEST(Ini, AValueMayHoldEqualsSigns) { EXPECT_EQ(value("a -> b : w=1"), "a -> b : w=1"); }

TEST(Ini, QuotesKeepAnything) {
  EXPECT_EQ(value("\" a # b \" # comment"), " a # b ");
  EXPECT_EQ(value("\"say \"\"no\"\"\""), "say \"no\"");
  EXPECT_EQ(value("say \"no\""), "say \"no\"");
}

TEST(Ini, WritesWhatItReadsBack) {
  for (const std::string text : {"", "plain", "a # b", "#a", "a#b", " a ", "\"a\"", "a \"b\" #c"}) {
    EXPECT_EQ(value(ini_value(text)), text);
  }
  EXPECT_EQ(ini_value("plain"), "plain");
}

TEST(Ini, RefusesWithNameAndLine) {
  EXPECT_THAT(refused("[a]\nnonsense\n"), StartsWith("x.ini:2: expected [section], key = value"));
  EXPECT_THAT(refused("[a]\n= 3\n"), StartsWith("x.ini:2: "));
  EXPECT_THAT(refused("\nk = 3\n"), StartsWith("x.ini:2: expected a [section] before"));
  EXPECT_THAT(refused("[a\nk = 3\n"), StartsWith("x.ini:1: expected [section], found \"[a\""));
  EXPECT_THAT(refused("[ ]\n"), HasSubstr("section's name"));
  EXPECT_THAT(refused("[a]\nk = \"b\n"), HasSubstr("never closed"));
  EXPECT_THAT(refused("[a]\nk = \"b\" c\n"), HasSubstr("after the closing quote"));
}

TEST(Ini, ShowsLittleOfADamagedFile) {
  const std::string message = refused(std::string(5000, '\x01'));
  EXPECT_LT(message.size(), 200U);
  EXPECT_EQ(message.find('\x01'), std::string::npos);
}

}  // namespace
}  // namespace concertina
