// What is refused: every line of the tables with its exit code and message.
#include <cstdlib>

#include <gtest/gtest.h>

#include "program.h"

namespace concertina {
namespace {

using support::expect_refused;
using support::Refusal;
using support::TempFolder;

TEST(Arguments, OfAComparisonThatIsNoneAreRefused) {
  const auto compare = [](const std::string& recipes, const std::string& seeds,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"compare", "--out",   "c",  "--recipes",
                                          recipes,   "--seeds", seeds};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  const std::vector<Refusal> table = {
      {compare("joint,ipkd,joint", "2"), 2, "--recipes: two are called \"joint\""},
      {compare("joint,mine/joint.ini", "2"), 2, "--recipes: two are called \"joint\""},
      {compare("joint,,ipkd", "2"), 2, "--recipes: a name is empty"},
      {compare("joint", "0"), 2, "--seeds \"0\"; expected how many, from 1 to 1000"},
      {compare("joint", "1001"), 2, "--seeds \"1001\""},
      {compare("joint", "two"), 2, "--seeds \"two\""},
      {compare("joint", ""), 2, "--seeds is empty; expected N|S,S,..."},
      {compare("joint", "1,5,1"), 2, "--seeds \"1,5,1\""},
      {compare("joint", "1,-5"), 2, "--seeds \"1,-5\""},
      {compare("joint", "1,"), 2, "--seeds \"1,\""},
      {compare("joint", "2", {"--set", "train.seed = 3"}), 2,
       "--set train.seed = 3: the seeds of a comparison are those of --seeds"},
      {compare("joint", "2", {"--seed", "3"}), 2, "did you mean \"--seeds\"?"}};
  for (const Refusal& refusal : table) expect_refused(refusal);
}

TEST(Arguments, OfABrokenRecipeAreRefusedWithFileAndLine) {
  const TempFolder folder;
  folder.write("x.ini", "[train]\nepochs = 3\nbatsch = 64\n");
  expect_refused({{"show", "recipe", "x.ini"}, 2, "x.ini:3: unknown key"}, folder.path());
}

// 4 PiB of images: more than a process can address.
TEST(Memory, ThatIsNotThereIsNoFaultOfTheProgram) {
  const Refusal refusal{{"bench", "step", "--net", "slimmable-mobilenet-v1-tiny", "--batch",
                         "65536", "--channels", "1024", "--size", "4096"},
                        71,
                        "not enough memory; a smaller --batch needs less"};
  const std::vector<std::string> environment = {
      "ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0:print_summary=0"};
  support::Outcome outcome = support::run_program(refusal.arguments, ".", environment);
  // AddressSanitizer warns before the program does.
  outcome.err.erase(0, outcome.err.find("concertina: "));
  expect_refused(refusal, outcome);
}

TEST(StandardOutput, ThatCannotBeWrittenIsAnError) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::string command = std::string(CONCERTINA_PROGRAM) + " list nets > /dev/full 2>&1";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 74);
}

}  // namespace
}  // namespace concertina
