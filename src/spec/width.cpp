#include "concertina/spec/width.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

// "FROM:TO:STEP"
void add_range(const std::string& text, std::vector<Width>& widths) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 3) {
    throw UsageError("widths \"" + text + "\"; expected from:to:step, such as 0.25:1:0.025");
  }
  const Width from = Width::parse(parts[0]), to = Width::parse(parts[1]);
  const int step = Width::parse(parts[2]).thousandths();
  if (to < from) throw UsageError("widths \"" + text + "\": " + parts[0] + " is above " + parts[1]);
  for (int each = from.thousandths(); each <= to.thousandths(); each += step) {
    widths.push_back(Width::from_thousandths(each));
  }
}

}  // namespace

Width Width::from_thousandths(int thousandths) {
  if (thousandths < 1 || thousandths > 1000) {
    throw UsageError("width of " + std::to_string(thousandths) +
                     " thousandths; expected 1 to 1000");
  }
  Width width;
  width.thousandths_ = thousandths;
  return width;
}

Width Width::parse(std::string_view text) {
  const std::string shown(text);
  const std::string expected = "; expected a share of the channels such as 0.25 or 1";
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string decimals(dot == std::string_view::npos ? "" : text.substr(dot + 1));
  if (decimals.size() > 3) {
    throw UsageError("width \"" + shown + "\" has more than three decimals" + expected);
  }
  if (whole.empty() && decimals.empty()) {
    throw UsageError("width \"" + shown + "\"" + expected);
  }
  decimals.resize(3, '0');
  const std::string digits = std::string(whole) + decimals;
  if (digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
    throw UsageError("width \"" + shown + "\"" + expected);
  }
  const int thousandths = std::stoi(digits);
  if (thousandths < 1 || thousandths > 1000) {
    throw UsageError("width \"" + shown + "\" is not in 0.001 to 1");
  }
  return from_thousandths(thousandths);
}

std::vector<Width> parse_widths(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), ',', ' ');
  std::vector<Width> widths;
  for (const std::string& word : words(spaced)) {
    if (word.find(':') == std::string::npos) {
      widths.push_back(Width::parse(word));
    } else {
      add_range(word, widths);
    }
  }
  if (widths.empty()) throw UsageError("no width given; expected some such as 0.25,0.5,1");
  std::sort(widths.begin(), widths.end());
  return widths;
}

std::string Width::text() const {
  std::string text = format_fixed(value(), 3);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Width::label() const {
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "w%d.%03d", thousandths_ / 1000, thousandths_ % 1000);
  return buffer.data();
}

}  // namespace concertina
