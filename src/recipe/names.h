// The words of an enumeration, for reading, printing and messages. Arrays of constants, so that an
// edge may be read while a program's globals are still being made.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {

template <class Value>
struct Name {
  const char* text;
  Value value;
};

template <class Value, std::size_t count>
std::vector<std::string> texts_of(const Name<Value> (&names)[count]) {
  std::vector<std::string> out;
  for (const Name<Value>& name : names) out.emplace_back(name.text);
  return out;
}

// Throws UsageError that names the nearest.
template <class Value, std::size_t count>
Value pick(const std::string& kind, const std::string& word, const Name<Value> (&names)[count]) {
  for (const Name<Value>& name : names) {
    if (name.text == word) return name.value;
  }
  throw UsageError(unknown_message(kind, word, texts_of(names)));
}

template <class Value, std::size_t count>
std::string text_of(Value value, const Name<Value> (&names)[count]) {
  for (const Name<Value>& name : names) {
    if (name.value == value) return name.text;
  }
  throw ProgrammingError("enumerator " + std::to_string(static_cast<long>(value)) +
                         " has no name; expected one of: " + join(texts_of(names), " "));
}

}  // namespace concertina
