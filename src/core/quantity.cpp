#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

// One way to write a unit. A value is number * times / divided: dividing keeps 4ms the double
// nearest to 0.004, which multiplying by 0.001 would not.
struct Suffix {
  std::string_view text;
  double times;
  double divided;
};

constexpr double kKi = 1024;

constexpr std::array<Suffix, 6> kCount = {
    {{"", 1, 1}, {"k", 1e3, 1}, {"K", 1e3, 1}, {"M", 1e6, 1}, {"G", 1e9, 1}, {"T", 1e12, 1}}};
constexpr std::array<Suffix, 11> kBytes = {{{"B", 1, 1},
                                            {"", 1, 1},
                                            {"KiB", kKi, 1},
                                            {"MiB", kKi* kKi, 1},
                                            {"GiB", kKi* kKi* kKi, 1},
                                            {"TiB", kKi* kKi* kKi* kKi, 1},
                                            {"kB", 1e3, 1},
                                            {"KB", 1e3, 1},
                                            {"MB", 1e6, 1},
                                            {"GB", 1e9, 1},
                                            {"TB", 1e12, 1}}};
constexpr std::array<Suffix, 6> kSeconds = {
    {{"ns", 1, 1e9}, {"us", 1, 1e6}, {"ms", 1, 1e3}, {"s", 1, 1}, {"min", 60, 1}, {"h", 3600, 1}}};
constexpr std::array<Suffix, 2> kFraction = {{{"", 1, 1}, {"%", 1, 100}}};

struct Quantity {
  const Suffix* begin;
  const Suffix* end;
  const char* noun;
  const char* example;
};

Quantity describe(Unit unit) {
  switch (unit) {
    case Unit::count:
      return {kCount.data(), kCount.data() + kCount.size(), "a count", "300M"};
    case Unit::bytes:
      return {kBytes.data(), kBytes.data() + kBytes.size(), "a size in bytes", "64MiB"};
    case Unit::seconds:
      return {kSeconds.data(), kSeconds.data() + kSeconds.size(), "a time with its unit", "4ms"};
    case Unit::fraction:
      break;
  }
  return {kFraction.data(), kFraction.data() + kFraction.size(), "a fraction from 0 to 1",
          "85% or 0.85"};
}

// The number at the start of the text and what follows it.
struct Leading {
  std::optional<double> number;
  std::string_view rest;
};

Leading leading_real(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || !std::isfinite(value)) return {std::nullopt, text};
  return {value, text.substr(static_cast<std::size_t>(stop - text.data()))};
}

std::optional<double> read_quantity(std::string_view text, Unit unit) {
  const auto [number, rest] = leading_real(trim(text));
  if (!number || std::signbit(*number)) return std::nullopt;
  const Quantity quantity = describe(unit);
  const std::string_view written = trim(rest);
  const Suffix* suffix = std::find_if(quantity.begin, quantity.end,
                                      [&](const Suffix& known) { return known.text == written; });
  if (suffix == quantity.end) return std::nullopt;
  const double value = *number * suffix->times / suffix->divided;
  if (!std::isfinite(value) || (unit == Unit::fraction && value > 1)) return std::nullopt;
  return value;
}

// "12.0" -> "12", "12.30" -> "12.3"
std::string without_zeros(std::string text) {
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

// The largest unit of `names` (each `step` times the one before) in which the rounded number is at
// least 1, so that 999999 is 1M and not 1000k.
std::string scaled(double value, double step, const std::vector<const char*>& names) {
  std::size_t i = 0;
  while (i + 1 < names.size() && std::round(std::abs(value) * 10) / 10 >= step) {
    value /= step;
    ++i;
  }
  return without_zeros(format_fixed(value, 1)) + names[i];
}

std::string format_seconds(double value) {
  const double size = std::abs(value);
  // Two decimals are shown: 0.999995 s and above would read 1000.00ms.
  if (size >= 0.999995 || size == 0) return format_fixed(value, 2) + "s";
  if (size >= 0.999995e-3) return format_fixed(value * 1e3, 2) + "ms";
  if (size >= 0.999995e-6) return format_fixed(value * 1e6, 2) + "us";
  return format_fixed(value * 1e9, 2) + "ns";
}

}  // namespace

double parse_quantity(std::string_view text, Unit unit, std::string_view what) {
  const std::optional<double> value = read_quantity(text, unit);
  if (value) return *value;
  const Quantity quantity = describe(unit);
  throw UsageError(std::string(what) + ": \"" + std::string(text) + "\" is not " + quantity.noun +
                   "; expected for example " + quantity.example);
}

std::string format_quantity(double value, Unit unit) {
  switch (unit) {
    case Unit::count:
      return scaled(value, 1000, {"", "k", "M", "G", "T"});
    case Unit::bytes:
      return scaled(value, kKi, {"B", "KiB", "MiB", "GiB", "TiB"});
    case Unit::seconds:
      return format_seconds(value);
    case Unit::fraction:
      break;
  }
  return format_fixed(value * 100, 2) + "%";
}

}  // namespace concertina
