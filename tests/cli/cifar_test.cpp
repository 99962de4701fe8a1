// From the real CIFAR-10 to a choice, when CONCERTINA_CIFAR10 names its folder.
#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "program.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::Outcome;
using support::TempFolder;

Json json_of(const TempFolder& folder, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const Outcome outcome = support::run_program(arguments, folder.path());
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

TEST(RealCifar10, GoesFromTrainingToAChoice) {
  const char* images = std::getenv("CONCERTINA_CIFAR10");
  if (images == nullptr || *images == '\0')
    GTEST_SKIP() << "CONCERTINA_CIFAR10 does not name a folder with CIFAR-10";
  const TempFolder folder;
  const Json trained =
      json_of(folder, {"train", "--net", "slimmable-mobilenet-v1-tiny", "--recipe", "ipkd-ta",
                       "--data", std::string("cifar10:") + images, "--limit", "600", "--epochs",
                       "1", "--threads", "1", "--out", "run"});
  ASSERT_EQ(trained.at("submodels").size(), 4U);
  const Json scored = json_of(folder, {"eval", "run", "--threads", "1"});
  const Json swept = json_of(folder, {"sweep", "run", "--threads", "1", "--repetitions", "3"});
  EXPECT_EQ(swept.at("setting").at("images"), 600);
  for (std::size_t k = 0; k < 4; ++k) {
    const Json& accuracy = trained.at("submodels").at(k).at("test").at("accuracy");
    EXPECT_EQ(scored.at("submodels").at(k).at("accuracy"), accuracy);
    EXPECT_EQ(swept.at("submodels").at(k).at("accuracy"), accuracy);
  }
  const Json chosen = json_of(folder, {"select", "run", "--max-macs", "300k"});
  EXPECT_LE(chosen.at("choice").at("macs"), 300000);
}

}  // namespace
}  // namespace concertina
