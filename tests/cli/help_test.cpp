#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/core/text.h"

#include "program.h"

namespace concertina {
namespace {

using support::Outcome;
using support::run_program;
using testing::HasSubstr;

const std::vector<std::string> kCommands = {
    "train", "resume",        "compare",    "import",     "eval",    "calibrate",
    "sweep", "search",        "select",     "export",     "inspect", "list",
    "show",  "bench latency", "bench step", "completion", "man"};

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) longest = std::max(longest, line.size());
  return longest;
}

TEST(Help, NamesEveryCommandInUnderEightyColumns) {
  const Outcome outcome = run_program({"--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_LE(longest_line(outcome.out), 79U);
  for (const std::string& command : kCommands) {
    EXPECT_THAT(outcome.out, HasSubstr("\n  " + command + " "));
  }
}

TEST(Help, OfEveryCommandHasAnExampleInUnderEightyColumns) {
  for (const std::string& command : kCommands) {
    std::vector<std::string> arguments = words(command);
    arguments.push_back("--help");
    const Outcome outcome = run_program(arguments);
    EXPECT_EQ(outcome.code, 0) << command;
    EXPECT_EQ(outcome.err, "") << command;
    EXPECT_THAT(outcome.out, HasSubstr("concertina " + command + ": "));
    EXPECT_THAT(outcome.out, HasSubstr("\nExample:\n  concertina " + command + " "));
    EXPECT_LE(longest_line(outcome.out), 79U) << command;
  }
}

TEST(Help, OfACommandSaysRangeAndDefault) {
  const Outcome outcome = run_program({"sweep", "-h"});
  EXPECT_THAT(outcome.out,
              HasSubstr("--batch N               images a forward, for the latency, 1 to 65536\n" +
                        std::string(26, ' ') + "(default: 1)\n"));
  EXPECT_THAT(outcome.out, HasSubstr("test|validation|train"));
}

TEST(Help, WithoutACommandIsAnError) {
  const Outcome outcome = run_program({});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("Usage: concertina COMMAND"));
}

TEST(Version, IsOneLine) {
  const Outcome outcome = run_program({"--version"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, testing::MatchesRegex("concertina [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

}  // namespace
}  // namespace concertina
