// Rows of the table of keys for the common types of value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "keys.h"
#include "names.h"

namespace concertina::rows {

using Texts = std::vector<std::string>;

[[noreturn]] inline void refuse(const std::string& expected, const std::string& found) {
  throw UsageError("expected " + expected + ", found \"" + found + "\"");
}

inline double read_real(const std::string& text, double low, double high,
                        const std::string& range) {
  const std::optional<double> value = parse_real(text);
  if (!value || *value < low || *value > high) refuse("a number from " + range, text);
  return *value;
}

inline std::int64_t read_integer(const std::string& text, std::int64_t low, std::int64_t high,
                                 const std::string& range) {
  const std::optional<std::int64_t> value = parse_integer(text);
  if (!value || *value < low || *value > high) refuse("an integer from " + range, text);
  return *value;
}

inline std::string range_text(double low, double high) {
  return format_real(low) + " to " + format_real(high);
}

inline RecipeKey key(const char* section, const char* name, const char* unit, const char* help) {
  return {section, name, "", "", unit, "", help};
}

// In the rows below `field` gives a reference to the row's member of a Recipe, const or not.

template <class Field>
KeyRow real(RecipeKey about, double low, double high, Field field) {
  const std::string range = about.range = range_text(low, high);
  about.type = about.unit == "fraction" || about.unit == "probability" ? "fraction" : "real";
  return {about, nullptr,
          [=](Recipe& r, const std::string& t) { field(r) = read_real(t, low, high, range); },
          [=](const Recipe& r) { return Texts{format_real(field(r))}; }};
}

template <class Field>
KeyRow integer(RecipeKey about, std::int64_t low, std::int64_t high, Field field) {
  const std::string range = about.range = std::to_string(low) + " to " + std::to_string(high);
  about.type = "integer";
  const auto read = [=](Recipe& r, const std::string& text) {
    using Value = std::decay_t<decltype(field(r))>;
    field(r) = static_cast<Value>(read_integer(text, low, high, range));
  };
  return {about, nullptr, read, [=](const Recipe& r) { return Texts{std::to_string(field(r))}; }};
}

template <class Value, std::size_t count>
Value read_choice(const std::string& text, const Name<Value> (&names)[count]) {
  for (const Name<Value>& name : names) {
    if (name.text == text) return name.value;
  }
  const std::string hint = nearest(text, texts_of(names));
  throw UsageError("expected one of " + join(texts_of(names), " ") + ", found \"" + text + "\"" +
                   (hint.empty() ? "" : "; did you mean \"" + hint + "\"?"));
}

// `names` is a table that lives as long as the program, so the row may refer to it.
template <class Value, std::size_t count, class Field>
KeyRow choice(RecipeKey about, const Name<Value> (&names)[count], Field field) {
  about.range = join(texts_of(names), " ");
  about.type = "choice";
  return {about, nullptr,
          [&names, field](Recipe& r, const std::string& t) { field(r) = read_choice(t, names); },
          [&names, field](const Recipe& r) { return Texts{text_of(field(r), names)}; }};
}

}  // namespace concertina::rows
