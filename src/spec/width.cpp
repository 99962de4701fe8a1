#include "concertina/spec/width.h"

#include <algorithm>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

// One share, in thousandths. `whole` is the text that it is part of.
int parse_share(const std::string& text, const std::string& whole) {
  const std::string shown = "width \"" + whole + "\"";
  const std::string expected = "; expected a share of the channels such as 0.25 or 1";
  const std::size_t dot = text.find('.');
  std::string digits = text.substr(0, dot);
  std::string decimals = dot == std::string::npos ? "" : text.substr(dot + 1);
  if (decimals.size() > 3) throw UsageError(shown + " has more than three decimals" + expected);
  if (digits.empty() && decimals.empty()) throw UsageError(shown + expected);
  decimals.resize(3, '0');
  digits += decimals;
  if (digits.size() > 6 || digits.find_first_not_of("0123456789") != std::string::npos) {
    throw UsageError(shown + expected);
  }
  const int thousandths = std::stoi(digits);
  if (thousandths < 1 || thousandths > 1000) throw UsageError(shown + " is not in 0.001 to 1");
  return thousandths;
}

int parse_bits(const std::string& text, const std::string& whole) {
  const std::optional<std::int64_t> bits = parse_integer(text);
  const bool fits =
      bits && ((*bits >= 1 && *bits <= Width::kMostBits) || *bits == Width::kFullBits);
  if (fits) return static_cast<int>(*bits);
  throw UsageError("width \"" + whole + "\": \"" + text + "\" bits; expected 1 to " +
                   std::to_string(Width::kMostBits) + ", or " + std::to_string(Width::kFullBits) +
                   " for float32");
}

// "FROM:TO:STEP"
void add_range(const std::string& text, std::vector<Width>& widths) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() != 3) {
    throw UsageError("widths \"" + text + "\"; expected from:to:step, such as 0.25:1:0.025");
  }
  const Width from = Width::parse(parts[0]), to = Width::parse(parts[1]);
  const Width step = Width::parse(parts[2]);
  if (!from.is_uniform() || !to.is_uniform()) {
    throw UsageError("widths \"" + text + "\"; expected a range from one share to another");
  }
  if (any_quantized({from, to, step})) {
    throw UsageError("widths \"" + text + "\"; a range has no bits, expected each such as 0.5@4");
  }
  if (to < from) throw UsageError("widths \"" + text + "\": " + parts[0] + " is above " + parts[1]);
  for (int each = from.thousandths(); each <= to.thousandths(); each += step.thousandths()) {
    widths.push_back(Width::from_thousandths(each));
  }
}

std::string bits_text(int bits) {
  return bits == Width::kFullBits ? "" : "@" + std::to_string(bits);
}

}  // namespace

Width Width::from_thousandths(int thousandths) { return per_stage({thousandths}); }

Width Width::per_stage(const std::vector<int>& thousandths) {
  if (thousandths.empty() || thousandths.size() > kMaxStages) {
    throw UsageError("a width of " + std::to_string(thousandths.size()) +
                     " stages; expected 1 to " + std::to_string(kMaxStages));
  }
  Width width;
  for (std::size_t stage = 0; stage < kMaxStages; ++stage) {
    const int share = thousandths[std::min(stage, thousandths.size() - 1)];
    if (share < 1 || share > 1000) {
      throw UsageError("width of " + std::to_string(share) + " thousandths; expected 1 to 1000");
    }
    width.thousandths_[stage] = static_cast<std::int16_t>(share);
  }
  return width;
}

Width Width::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  std::string spread(text.substr(0, at));
  std::replace(spread.begin(), spread.end(), '-', ',');
  std::vector<int> shares;
  for (const std::string& share : split(spread, ',')) {
    shares.push_back(parse_share(std::string(trim(share)), std::string(text)));
  }
  const Width width = per_stage(shares);
  if (at == std::string_view::npos) return width;
  return width.with_bits(parse_bits(std::string(text.substr(at + 1)), std::string(text)));
}

Width Width::with_bits(int bits) const {
  Width width = *this;
  width.bits_ = static_cast<std::int16_t>(parse_bits(std::to_string(bits), text()));
  return width;
}

Width Width::parse_label(std::string_view label) {
  if (label.empty() || label[0] != 'w') {
    throw UsageError("width label \"" + std::string(label) + "\"; expected one such as w0.250");
  }
  return parse(label.substr(1));
}

int Width::stages() const {
  int count = kMaxStages;
  while (count > 1 && thousandths(count - 1) == thousandths(count - 2)) --count;
  return count;
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

std::string widths_text(const std::vector<Width>& widths) {
  std::vector<std::string> texts;
  for (const Width width : widths) texts.push_back(width.text());
  return join(texts, " ");
}

bool any_quantized(const std::vector<Width>& widths) {
  return std::any_of(widths.begin(), widths.end(), [](Width one) { return one.is_quantized(); });
}

std::string Width::text() const {
  std::vector<std::string> shares;
  for (int stage = 0; stage < stages(); ++stage) {
    std::string& share = shares.emplace_back(format_fixed(value(stage), 3));
    while (share.back() == '0') share.pop_back();
    if (share.back() == '.') share.pop_back();
  }
  return join(shares, "-") + bits_text(bits_);
}

std::string Width::label() const {
  std::vector<std::string> shares;
  for (int stage = 0; stage < stages(); ++stage) shares.push_back(format_fixed(value(stage), 3));
  return "w" + join(shares, "-") + bits_text(bits_);
}

}  // namespace concertina
