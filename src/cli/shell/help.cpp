// --help, from the same table that the parser reads.
#include <algorithm>

#include "concertina/core/text.h"

#include "options/options.h"

namespace concertina::cli {
namespace {

constexpr std::size_t kColumns = 79;
constexpr std::size_t kHelpColumn = 26;

std::string entry(const Option& option) {
  std::string line =
      option.kind == OptionKind::positional ? "  " + option.name : "  --" + option.name;
  if (option.kind != OptionKind::positional && !option.value.empty()) line += " " + option.value;
  if (line.size() + 2 > kHelpColumn) {
    line += "\n" + std::string(kHelpColumn, ' ');
  } else {
    line.resize(kHelpColumn, ' ');
  }
  return line + wrapped(meaning(option), kHelpColumn, kHelpColumn) + "\n";
}

}  // namespace

std::string meaning(const Option& option) {
  std::string text = option.help;
  if (option.kind == OptionKind::integer) {
    text += ", " + std::to_string(option.low) + " to " + std::to_string(option.high);
  }
  if (option.kind == OptionKind::list) text += "; may be repeated";
  if (!option.fallback.empty()) text += " (default: " + option.fallback + ")";
  return text;
}

std::string usage(const Command& command) {
  std::string line = "concertina " + command.name;
  for (const Option& option : command.options) {
    if (option.kind == OptionKind::positional) line += " " + option.value;
  }
  return line + " [options]";
}

std::string wrapped(const std::string& text, std::size_t first_column, std::size_t indent) {
  std::string result;
  std::size_t column = first_column;
  for (const std::string& word : words(text)) {
    if (column + word.size() + 1 > kColumns && column > indent) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += " ";
      ++column;
    }
    result += word;
    column += word.size();
  }
  return result;
}

std::string help_text(const Command& command) {
  std::string places;
  std::string options;
  for (const Option& option : command.options) {
    (option.kind == OptionKind::positional ? places : options) += entry(option);
  }
  options += entry(flag_option("help, -h", "this text"));
  std::string text = "concertina " + command.name + ": " +
                     wrapped(command.summary, command.name.size() + 13, 2) + "\n\n" +
                     "Usage: " + usage(command) + "\n\n";
  if (!places.empty()) text += places + "\n";
  text += "Options:\n" + options + "\nExample:\n";
  for (const std::string& example : command.examples) text += "  " + example + "\n";
  return text;
}

}  // namespace concertina::cli
