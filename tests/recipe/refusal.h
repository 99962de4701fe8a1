// The message of the refusal that `call` ends in, or "accepted".
#pragma once

#include <string>

#include "concertina/core/error.h"

namespace concertina {

template <class Refusal = UsageError, class Call>
std::string refusal(const Call& call) {
  try {
    call();
  } catch (const Refusal& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace concertina
