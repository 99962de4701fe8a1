// INI text with the place of every entry. Not for: what the keys mean (recipe/recipe.h).
//   [section]
//   key = value        # a comment needs white space before '#'
//   key = "value"      quotes keep anything; "" inside them stands for one quote
//   key = value        a repeated key makes a list
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace concertina {

struct IniEntry {
  std::string section;
  std::string key;
  std::string value;
  int line = 0;  // from 1
};

// `name` stands in messages: "schedules/x.ini:7: ...". Accepts CRLF and a UTF-8 byte-order mark.
// Throws UsageError with name and line for anything that is no section, entry, comment or blank.
std::vector<IniEntry> parse_ini(std::string_view text, const std::string& name);

// The value as parse_ini reads it back, in quotes where it needs them. `value` is one line.
std::string ini_value(std::string_view value);

}  // namespace concertina
