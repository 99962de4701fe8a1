// Runs the text files of tests/cli/cases; their README says what a line means.
#include <algorithm>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program.h"

namespace concertina {
namespace {

namespace fs = std::filesystem;

using support::Outcome;
using testing::HasSubstr;

const fs::path kFolder = fs::path(CONCERTINA_SOURCE_DIR) / "tests/cli/cases";

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".test") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Words at spaces; '...' is one word, or a part of one.
std::vector<std::string> shell_words(const std::string& text) {
  std::vector<std::string> words;
  bool quoted = false, inside = false;
  for (const char c : text) {
    if (c == '\'') {
      quoted = !quoted;
      if (!inside) words.emplace_back();
      inside = true;
    } else if (c == ' ' && !quoted) {
      inside = false;
    } else {
      if (!inside) words.emplace_back();
      inside = true;
      words.back() += c;
    }
  }
  return words;
}

class Case {
 public:
  explicit Case(const std::string& name)
      : file_(kFolder / (name + ".test")), stream_(file_), ran_at_(0) {}

  void run() {
    for (std::string line; next(line);) {
      if (line.empty() || line[0] == '#') continue;
      const std::size_t space = line.find(' ');
      step(line.substr(0, space), space == std::string::npos ? "" : line.substr(space + 1));
    }
    check_code();
  }

 private:
  bool next(std::string& line) {
    ++number_;
    return static_cast<bool>(std::getline(stream_, line));
  }

  // The lines up to "end".
  std::string block() {
    std::string text;
    for (std::string line; next(line) && line != "end";) text += line + "\n";
    return text;
  }

  void step(const std::string& verb, const std::string& rest) {
    SCOPED_TRACE(file_.filename().string() + ":" + std::to_string(number_));
    if (verb == "file") {
      folder_.write(rest, block());
    } else if (verb == "$") {
      check_code();
      start(rest);
    } else if (verb == "refused") {
      refused(rest);
    } else if (verb == "exit") {
      code_ = std::stoi(rest);
    } else if (verb == "out") {
      EXPECT_THAT(outcome_.out, HasSubstr(rest));
    } else if (verb == "err") {
      EXPECT_THAT(outcome_.err, HasSubstr(rest));
    } else if (verb == "out-is") {
      EXPECT_EQ(outcome_.out, block());
    } else {
      ADD_FAILURE() << "unknown line \"" << verb << "\"";
    }
  }

  void start(const std::string& line) {
    std::vector<std::string> words = shell_words(line);
    ASSERT_FALSE(words.empty());
    ASSERT_EQ(words.front(), "concertina");
    words.erase(words.begin());
    arguments_ = words;
    outcome_ = support::run_program(arguments_, folder_.path());
    ran_at_ = number_;
    code_ = 0;
  }

  void refused(const std::string& rest) {
    const std::size_t space = rest.find(' ');
    code_ = std::stoi(rest.substr(0, space));
    support::expect_refused({arguments_, code_, rest.substr(space + 1)}, outcome_);
  }

  // Of the run before.
  void check_code() const {
    if (ran_at_ == 0) return;
    EXPECT_EQ(outcome_.code, code_) << file_.filename().string() << ":" << ran_at_ << "\n"
                                    << outcome_.err;
  }

  fs::path file_;
  std::ifstream stream_;
  support::TempFolder folder_;
  std::vector<std::string> arguments_;
  Outcome outcome_;
  int number_ = 0;  // of the line
  int ran_at_;      // the line of the last run
  int code_ = 0;    // expected of it
};

class Cases : public testing::TestWithParam<std::string> {};

TEST_P(Cases, SayWhatTheProgramDoes) { Case(GetParam()).run(); }

INSTANTIATE_TEST_SUITE_P(Text, Cases, testing::ValuesIn(case_names()),
                         [](const auto& named) { return named.param; });

}  // namespace
}  // namespace concertina
