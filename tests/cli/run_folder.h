// A folder for the runs of one test, and the program started in it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace concertina::support {

class RunFolder : public testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& arguments) const {
    return run_program(arguments, folder_.path());
  }
  // What it prints with --json.
  nlohmann::json json_of(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? nlohmann::json::parse(outcome.out) : nlohmann::json();
  }
  void train(const std::string& name, const std::string& recipe,
             const std::vector<std::string>& more = {"--epochs", "1"}) const {
    const Outcome outcome = run(tiny_training(name, recipe, more));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  void refused(std::vector<std::string> arguments, int code, const std::string& message) const {
    expect_refused({std::move(arguments), code, message}, folder_.path());
  }

  TempFolder folder_;
};

}  // namespace concertina::support
