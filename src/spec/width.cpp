#include "concertina/spec/width.h"

#include <array>
#include <cstdio>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {

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
