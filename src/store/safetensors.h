// The safetensors format: 8 bytes with the length of a JSON header, the header, the values.
#pragma once

#include <string>
#include <string_view>

#include "concertina/store/state_dict.h"

namespace concertina::safetensors {

// Whether the bytes begin like such a file.
bool is(std::string_view bytes);
StateDict read(std::string_view bytes, const std::string& where);

}  // namespace concertina::safetensors
