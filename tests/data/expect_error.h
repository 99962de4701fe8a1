// One way to check that reading fails with the right type and one line that says everything.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "concertina/data/catalog.h"

namespace concertina {

template <typename Expected>
void expect_error(const std::string& argument, const std::vector<std::string>& parts) {
  try {
    read_dataset(argument);
    FAIL() << argument << " was accepted, expected an error with: " << parts.front();
  } catch (const Expected& error) {
    for (const auto& part : parts) EXPECT_THAT(error.what(), ::testing::HasSubstr(part));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

}  // namespace concertina
