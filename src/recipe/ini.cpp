#include "concertina/recipe/ini.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

struct Line {
  std::string_view text;
  const std::string& name;
  int number;
};

// A damaged or binary file must not fill the terminal with its bytes.
std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out(text.substr(0, kMost));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return '"' + out + (text.size() > kMost ? "...\"" : "\"");
}

[[noreturn]] void refuse(const Line& line, const std::string& what) {
  throw UsageError(line.name + ":" + std::to_string(line.number) + ": " + what);
}

bool is_space(char c) { return c == ' ' || c == '\t'; }

// The text before a comment: a '#' at the start or after white space.
std::string_view without_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '#' && (i == 0 || is_space(text[i - 1]))) return trim(text.substr(0, i));
  }
  return trim(text);
}

// "a "" b" -> a " b; only white space or a comment may follow the closing quote.
std::string unquote(const Line& line, std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      out += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      out += text[i++];
    } else if (without_comment(text.substr(i + 1)).empty()) {
      return out;
    } else {
      refuse(line, "expected nothing after the closing quote, found " + shown(text.substr(i + 1)));
    }
  }
  refuse(line, "the quote that opens " + shown(text) + " is never closed");
}

std::string value_of(const Line& line, std::string_view text) {
  const std::string_view start = trim(text);
  if (!start.empty() && start.front() == '"') return unquote(line, start);
  return std::string(without_comment(text));
}

std::string section_of(const Line& line) {
  const std::string_view text = without_comment(line.text);
  if (text.back() != ']') refuse(line, "expected [section], found " + shown(line.text));
  const std::string_view name = trim(text.substr(1, text.size() - 2));
  if (name.empty()) refuse(line, "expected a section's name between [ and ]");
  return std::string(name);
}

IniEntry entry_of(const Line& line, const std::string& section) {
  const std::size_t equals = line.text.find('=');
  const std::string_view key = trim(line.text.substr(0, equals));
  if (equals == std::string_view::npos || key.empty()) {
    refuse(line, "expected [section], key = value or # comment, found " + shown(line.text));
  }
  if (section.empty()) refuse(line, "expected a [section] before the first key");
  return {section, std::string(key), value_of(line, line.text.substr(equals + 1)), line.number};
}

}  // namespace

std::vector<IniEntry> parse_ini(std::string_view text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<IniEntry> entries;
  std::string section;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const Line line{trim(text.substr(0, end)), name, number};
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.text.empty() || line.text.front() == '#') continue;
    if (line.text.front() == '[') {
      section = section_of(line);
    } else {
      entries.push_back(entry_of(line, section));
    }
  }
  return entries;
}

std::string ini_value(std::string_view value) {
  const bool plain = value == without_comment(value) && (value.empty() || value.front() != '"');
  if (plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace concertina
