// The options of a command as one table: what the parser accepts and checks, and what --help
// prints, and the manual page and the shells' completion with it. Not for: what an option means
// (the command's own file).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "concertina/core/error.h"

namespace concertina::cli {

enum class OptionKind { positional, text, list, integer, choice, flag };

struct Option {
  std::string name;  // "epochs"; of a positional as messages call it: "RUN"
  OptionKind kind = OptionKind::text;
  std::string value;                 // what stands for the value in the help: "N", "FILE"
  std::string help;                  // with the unit
  std::string fallback;              // as it would be typed; "" = none
  std::int64_t low = 0, high = 0;    // integer
  std::vector<std::string> choices;  // choice, positional (empty: anything)
};

struct Range {
  std::int64_t low, high;
};
Option positional(std::string name, std::string help, std::vector<std::string> choices = {});
Option text_option(std::string name, std::string value, std::string help,
                   std::string fallback = "");
Option list_option(std::string name, std::string value, std::string help);  // may be repeated
// `range` is checked when the value is given.
Option integer_option(std::string name, Range range, std::string help, std::string fallback = "");
Option choice_option(std::string name, std::vector<std::string> choices, std::string help,
                     std::string fallback = "");
Option flag_option(std::string name, std::string help);

class Options;

struct Command {
  std::string name;
  std::string summary;  // one line
  std::vector<Option> options;
  std::vector<std::string> examples;
  int (*run)(const Options& options);  // gives the exit code
};

// The options given on one command line.
class Options {
 public:
  // Throws UsageError for anything the command's table does not allow.
  Options(const Command& command, const std::vector<std::string>& arguments);

  bool wants_help() const { return help_; }
  bool given(const std::string& name) const;
  bool flag(const std::string& name) const { return given(name); }
  // The value given, or the default, or "".
  const std::string& text(const std::string& name) const;
  // Like text(), but throws UsageError when there is none.
  const std::string& needed(const std::string& name) const;
  const std::vector<std::string>& list(const std::string& name) const;
  std::int64_t integer(const std::string& name) const;
  // The last words of a message that send the reader to the help.
  std::string see_help() const;

 private:
  struct Given {
    const Option* option;
    std::vector<std::string> values;
    bool on_line = false;
  };
  const Given& find(const std::string& name) const;
  Given& find(const std::string& name);
  void take(const std::string& name, const std::vector<std::string>& values);

  const Command& command_;
  std::vector<Given> given_;
  bool help_ = false;
};

// Describes an option, with its range and default.
std::string meaning(const Option& option);
// "concertina eval RUN [options]"
std::string usage(const Command& command);
// At most 79 columns.
std::string help_text(const Command& command);
// `text` in lines of at most 79 columns; all but the first begin with `indent` spaces.
std::string wrapped(const std::string& text, std::size_t first_column, std::size_t indent);

// Returns what `call` returns; puts the option's name in front of a UsageError.
template <class Call>
auto for_option(const std::string& option, const Call& call) {
  try {
    return call();
  } catch (const UsageError& error) {
    throw UsageError(option + ": " + error.what());
  }
}

}  // namespace concertina::cli
