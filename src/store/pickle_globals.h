// The names that a pickle may mention.
#pragma once

#include <string>
#include <string_view>

#include <c10/core/ScalarType.h>

namespace concertina::pickle {

enum class Meaning {
  ordered_dict,
  rebuild_tensor,     // (storage, offset, size, stride, ...) -> tensor
  rebuild_parameter,  // (tensor, ...) -> that tensor
  storage,            // a type of elements
  skipped             // harmless, and no part of a state dict
};

struct Global {
  std::string_view module, name;
  Meaning meaning;
  c10::ScalarType type = c10::ScalarType::Undefined;  // storage
};

// -1 when it is not one of the known.
int find_global(std::string_view module, std::string_view name);
const Global& global(std::int64_t index);

}  // namespace concertina::pickle
