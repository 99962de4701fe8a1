// Pickles as torch.save writes them (protocols 2 to 5), read as plain data: the machine knows the
// opcodes and the globals that state dicts need, refuses all others by name, and has no way to call
// anything. Every result is an index into one list, so that cycles and deep nesting harm nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

namespace concertina::pickle {

using Index = std::uint32_t;  // of a value

enum class Kind : std::uint8_t {
  none,
  integer,  // number; truth values too
  real,     // real
  text,     // text, UTF-8 where the file is right
  bytes,    // text; integers of more than 8 bytes too
  tuple,    // items
  list,     // items; sets too
  dict,     // items: key, value, key, value
  global,   // number: which of the known ones
  storage,  // text: its key; type; number: elements
  tensor,   // items: storage, offset, size, stride, ...
  skipped   // an object that is no part of a state dict: a number of NumPy's, a torch.Size
};

struct Value {
  Kind kind = Kind::none;
  c10::ScalarType type = c10::ScalarType::Undefined;
  std::int64_t number = 0;
  double real = 0;
  std::string_view text;  // of the pickle's bytes
  std::vector<Index> items;
};

struct Pickle {
  std::vector<Value> values;
  Index result = 0;
  std::size_t end = 0;  // where the next begins

  const Value& top() const { return values[result]; }
  const Value& operator[](Index index) const { return values[index]; }
};

// Reads the pickle at `begin`. Throws DataError, with `where` in front and the offset.
Pickle read(std::string_view bytes, std::size_t begin, const std::string& where);

}  // namespace concertina::pickle
