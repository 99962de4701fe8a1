// A run with random content, and the comparison of two runs.
#pragma once

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "concertina/store/run_file.h"

namespace concertina::store_test {

NetSpec two_exit_net();
// Two widths, two exits; the first sub-model has no best yet. `seed` decides every number.
RunState random_state(std::uint32_t seed);

void expect_equal(const Tensors& found, const Tensors& expected);
void expect_equal(const RunState& found, const RunState& expected);

// Gives changed bytes a right length and checksum again, after docs/file-format.md.
std::string reseal(std::string bytes);

// What the call throws, as text; "" when it throws nothing of type E.
template <typename E, typename Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

}  // namespace concertina::store_test
