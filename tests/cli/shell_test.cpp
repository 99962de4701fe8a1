// The manual page and the completion leave nothing out of the tables. That they work is tested in
// tests/completion.
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/text.h"

#include "commands/commands.h"
#include "shell/completion.h"

namespace concertina::cli {
namespace {

using testing::HasSubstr;

// As the page writes it.
std::string with_dashes(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '-' ? "\\-" : std::string(1, c);
  return result;
}

TEST(ManPage, HasEveryCommandAndOption) {
  const std::string page = man_page();
  for (const Command& command : commands()) {
    const std::size_t begin = page.find(".SS concertina " + command.name + "\n");
    ASSERT_NE(begin, std::string::npos) << command.name;
    const std::string section = page.substr(begin, page.find("\n.S", begin + 1) - begin);
    for (const Option& option : command.options) {
      const bool place = option.kind == OptionKind::positional;
      const std::string tag = place ? "\\fI" + option.name : "\\fB--" + option.name;
      EXPECT_THAT(section, HasSubstr("\n.TP\n" + with_dashes(tag + "\\fR"))) << command.name;
      EXPECT_THAT(section, HasSubstr(with_dashes(option.help))) << command.name;
    }
  }
}

TEST(ManPage, HasTheExitCodesOfTheDocumentation) {
  const std::string page = man_page();
  std::ifstream file(CONCERTINA_SOURCE_DIR "/docs/cli.md");
  int rows = 0;
  for (std::string line; std::getline(file, line) && line != "## Options of several commands";) {
    const std::vector<std::string> cells = split(line, '|');
    if (cells.size() != 4 || !parse_integer(split(cells[1], ',')[0])) continue;
    std::string meaning;
    for (const char c : cells[2]) meaning += c == '`' ? "" : std::string(1, c);
    EXPECT_THAT(page, HasSubstr("\\fB" + cells[1] + "\\fR\n" + with_dashes(meaning) + "\n"));
    ++rows;
  }
  EXPECT_EQ(rows, 11);
}

TEST(Completion, OfBashHasEveryCommandAndOption) {
  const std::string text = bash_completion(commands());
  for (const Command& command : commands()) {
    const std::size_t begin = text.find("\n    '" + command.name + " -') reply='");
    ASSERT_NE(begin, std::string::npos) << command.name;
    const std::string options = text.substr(begin, text.find('\n', begin + 1) - begin);
    for (const Option& option : command.options) {
      if (option.kind == OptionKind::positional) continue;
      EXPECT_THAT(options, HasSubstr("--" + option.name + " ")) << command.name;
      const std::string row = "\n    '" + command.name + " --" + option.name + "') reply='";
      const bool takes_value = text.find(row) != std::string::npos;
      EXPECT_EQ(takes_value, option.kind != OptionKind::flag) << row;
    }
  }
}

TEST(Completion, OfZshHasEveryCommandAndOption) {
  const std::string text = zsh_completion(commands());
  for (const Command& command : commands()) {
    const std::size_t begin = text.find("\n    ('" + command.name + "')\n");
    ASSERT_NE(begin, std::string::npos) << command.name;
    const std::string section = text.substr(begin, text.find(";;\n", begin) - begin);
    for (const Option& option : command.options) {
      const std::string name = option.kind == OptionKind::positional ? "':" + option.name + ":"
                               : option.kind == OptionKind::flag     ? "'--" + option.name + "["
                                                                     : "--" + option.name + "=[";
      EXPECT_THAT(section, HasSubstr(name)) << command.name;
    }
  }
}

TEST(Completion, OffersWhatCanBeNamed) {
  EXPECT_THAT(offer_for(text_option("net", "NAME", "")).words, testing::Contains("msdnet-tiny"));
  EXPECT_THAT(offer_for(text_option("data", "NAME[:PATH]", "")).words, testing::Contains("shapes"));
  const Offer recipe = offer_for(positional("NAME", ""), "recipe");
  EXPECT_THAT(recipe.words, testing::Contains("quick"));
  EXPECT_TRUE(recipe.files);
  EXPECT_THAT(offer_for(text_option("recipes", "A,B,...", "")).words, testing::Contains("quick"));
  EXPECT_TRUE(offer_for(positional("RUN", "")).files);
  EXPECT_TRUE(offer_for(text_option("out", "FOLDER", "")).files);
  EXPECT_FALSE(offer_for(text_option("width", "W", "")).files);
}

}  // namespace
}  // namespace concertina::cli
