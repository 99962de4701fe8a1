// What is refused: every line of the tables with its exit code and message.
#include <cstdlib>

#include <gtest/gtest.h>

#include "program.h"

namespace concertina {
namespace {

using support::expect_refused;
using support::Refusal;
using support::TempFolder;

TEST(Arguments, ThatNoCommandKnowsAreRefusedWithTheNearest) {
  const std::vector<Refusal> table = {
      {{"trian"}, 2, "unknown command \"trian\"; did you mean \"train\"?"},
      {{"train", "--epohcs", "3"}, 2, "unknown option \"--epohcs\"; did you mean \"--epochs\"?"},
      {{"train", "--epohcs=3"}, 2, "unknown option \"--epohcs\"; did you mean \"--epochs\"?"},
      {{"train", "--epoch", "3"}, 2, "unknown option \"--epoch\"; did you mean \"--epochs\"?"},
      {{"sweep", "r", "--bogus"}, 2, "unknown option \"--bogus\" (see `concertina sweep --help`)"},
      {{"list", "net"}, 2, "WHAT: unknown value \"net\"; did you mean \"nets\"?"},
      {{"bench", "stop"}, 2, "did you mean \"step\"?"},
      {{"select", "r", "--axis", "mac"}, 2, "did you mean \"macs\"?"},
      {{"inspect", "--net", "slimable-mobilenet-v1"},
       66,
       "did you mean \"slimmable-mobilenet-v1\"?"},
      {{"show", "recipe", "ipkd-tb"}, 66, "did you mean \"ipkd-ta\"?"},
      {{"show", "net", "msdnet-z"}, 66, "unknown net \"msdnet-z\""},
      {{"train", "--net", "msdnet-tiny", "--recipe", "quick", "--data", "shape", "--out", "r"},
       2,
       "did you mean \"shapes\"?"},
      {{"compare", "--out", "c", "--recipes", "joint,ipkd-tb", "--seeds", "2"},
       66,
       "did you mean \"ipkd-ta\"?"},
      {{"eval", "r", "--log-level", "inf"}, 2, "did you mean \"info\"?"}};
  for (const Refusal& refusal : table) expect_refused(refusal);
}

TEST(Arguments, OfTheWrongFormAreRefused) {
  const std::vector<Refusal> table = {
      {{"train", "--epochs", "0"}, 2, "--epochs: \"0\" is not a whole number from 1 to 100000"},
      {{"train", "--epochs", "2.5"}, 2, "--epochs: \"2.5\" is not a whole number"},
      {{"train", "--seed", "-3"}, 2, "--seed: \"-3\""},
      {{"train", "--epochs"}, 2, "--epochs"},
      {{"train", "--net", "a", "--net", "b"}, 2, "--net is given twice"},
      {{"train", "--net", ""}, 2, "--net is empty; expected NAME"},
      {{"train", "--quiet=1"}, 2, "--quiet"},
      {{"train", "stray"}, 2, "unexpected argument \"stray\""},
      {{"list", "nets", "recipes"}, 2, "unexpected argument \"recipes\""},
      {{"train", "--engine", "fast"}, 2, "--engine: unknown value \"fast\""},
      {{"train", "--precision", "fp8"}, 2, "--precision: unknown value \"fp8\"; known: fp32"},
      {{"bench", "step", "--precision", "bf16", "--engine", "plain"},
       2,
       "precision \"bf16\": the plain engine"},
      {{"bench", "step", "--profile", "--engine", "plain"}, 2, "--profile: engine plain"},
      {{"bench", "latency", "--net", "msdnet-tiny", "--out", "t.txt"}, 2, "ends in .csv or .json"},
      {{"bench", "step", "--device", "gpu"}, 2, "--device \"gpu\"; expected cpu, cuda"},
      {{"bench", "step", "--device", "cuda:x"}, 2, "--device \"cuda:x\""},
      {{"bench", "step", "--device", "cuda:99"}, 2, "--device cuda:99"},
      {{"bench", "step", "--threads", "0"}, 2, "--threads"},
      {{"select", "r", "--max-latency", "4"}, 2, "--max-latency: \"4\" is not a time"},
      {{"select", "r", "--min-accuracy", "120%"}, 2, "--min-accuracy"},
      {{"show", "keys", "x"}, 2, "takes no name"},
      {{"inspect", "--net", "msdnet-tiny", "--net-option", "blocks"}, 2, "expected key=value"},
      {{"bench", "step", "--set", "optimizer.lt=1"}, 2, "did you mean \"optimizer.lr\"?"},
      {{"train", "--recipe", "base", "--widths", "0.5", "--print-recipe"}, 2, "net.widths"}};
  for (const Refusal& refusal : table) expect_refused(refusal);
}

TEST(Arguments, ThatAreMissingAreNamed) {
  const std::vector<Refusal> table = {
      {{"train"}, 2, "concertina train needs --recipe NAME|FILE"},
      {{"train", "--recipe", "quick"}, 2, "needs --out RUN"},
      {{"train", "--recipe", "quick", "--out", "r"}, 2, "needs --net NAME"},
      {{"train", "--recipe", "quick", "--out", "r", "--net", "msdnet-tiny"}, 2, "needs --data"},
      {{"resume"}, 2, "concertina resume needs RUN"},
      {{"compare"}, 2, "concertina compare needs --out FOLDER"},
      {{"compare", "--out", "c"}, 2, "needs --recipes A,B,..."},
      {{"compare", "--out", "c", "--recipes", "joint"}, 2, "needs --seeds N|S,S,..."},
      {{"compare", "--out", "c", "--recipes", "joint", "--seeds", "2"}, 2, "needs --data"},
      {{"eval"}, 2, "needs RUN"},
      {{"calibrate"}, 2, "needs RUN"},
      {{"sweep"}, 2, "needs RUN"},
      {{"select"}, 2, "needs RUN"},
      {{"inspect"}, 2, "needs either RUN or --net"},
      {{"list"}, 2, "needs nets|recipes|data"},
      {{"show"}, 2, "needs recipe|net|keys"},
      {{"show", "net"}, 2, "needs NAME"},
      {{"bench"}, 2, "concertina bench needs latency|step"},
      {{"bench", "latency"}, 2, "needs either RUN or --net"},
      {{"bench step"}, 2, "unknown command \"bench step\""}};
  for (const Refusal& refusal : table) expect_refused(refusal);
}

TEST(Arguments, ThatNameNothingOrNoRunAreRefused) {
  const TempFolder folder;
  folder.write("empty/x", "");
  folder.write("text.h5", "no HDF5 at all, but long enough to be looked at as a file of ours");
  const std::vector<Refusal> table = {
      {{"resume", "none"}, 66, "run folder \"none\" is not there"},
      {{"resume", "empty"}, 66, "folder \"empty\" holds no run: run.h5 is not there"},
      {{"sweep", "text.h5"}, 66, "\"text.h5\" is no folder"},
      {{"eval", "none"}, 66, "run \"none\" is not there"},
      {{"eval", "text.h5"}, 65, "text.h5"},
      {{"inspect", "text.h5"}, 65, "text.h5"},
      {{"select", "none"}, 66, "run \"none\" is not there"},
      {{"select", "empty"}, 66, "`concertina sweep empty` makes it"},
      {{"select", "text.h5"}, 65, "text.h5"},
      {{"train", "--net", "msdnet-tiny", "--recipe", "x.ini", "--data", "shapes", "--out", "r"},
       66,
       "x.ini"},
      {{"train", "--net", "msdnet-tiny", "--recipe", "quick", "--data", "cifar10:none", "--out",
        "r"},
       66,
       "none"}};
  for (const Refusal& refusal : table) expect_refused(refusal, folder.path());
}

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
