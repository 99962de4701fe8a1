// State dicts of PyTorch's nets, from the command line to runs that compute the same.
#include <sys/wait.h>

#include <cstdlib>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "concertina/recipe/recipe.h"
#include "concertina/train/run_state.h"

#include "program.h"
#include "reference_nets.h"

namespace concertina {
namespace {

using support::Outcome;
using support::reference_net;
using support::ReferenceNet;
using support::Refusal;
using testing::HasSubstr;
using Json = nlohmann::json;
namespace fs = std::filesystem;

class Import : public testing::Test {
 protected:
  Outcome run(const std::vector<std::string>& arguments) {
    return support::run_program(arguments, folder_.path());
  }
  static std::vector<std::string> arguments(const std::string& file, const ReferenceNet& net,
                                            const std::string& out,
                                            const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"import", file,        "--data", "shapes", "--limit",
                                    "100",    "--threads", "1",      "--out",  out};
    all.insert(all.end(), net.arguments.begin(), net.arguments.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void refused(const Refusal& refusal) { support::expect_refused(refusal, folder_.path()); }
  void expect_logits(const std::string& out, const ReferenceNet& reference) {
    const RunState state = read_run(folder_ / out / "run.h5");
    FlexibleNet net = net_of_run(state, parse_recipe(state.recipe, "the run"), at::kCPU);
    support::expect_logits(net, reference);
  }
  Json evaluate(const std::string& out) {
    const Outcome outcome = run({"eval", out, "--threads", "1", "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return Json::parse(outcome.out).at("submodels");
  }

  support::TempFolder folder_;
};

TEST_F(Import, AFileOfTorchsBecomesARun) {
  const ReferenceNet& one = reference_net("s-mobilenet");
  const std::string file = support::golden_file("s-mobilenet.pt").string();
  const Outcome outcome = run(arguments(file, one, "theirs"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(
      outcome.out,
      "theirs: slimmable-mobilenet-v1-tiny with switchable norms, sub-models w0.500 w1.000\n");
  expect_logits("theirs", one);
  EXPECT_EQ(evaluate("theirs").size(), 2U);
  EXPECT_EQ(run({"sweep", "theirs", "--threads", "1", "--repetitions", "2"}).code, 0);
  EXPECT_EQ(run({"select", "theirs", "--max-macs", "10M"}).code, 0);
  EXPECT_THAT(run({"inspect", "theirs"}).out, HasSubstr("epoch 0, finished"));
  EXPECT_THAT(run({"resume", "theirs"}).err, HasSubstr("the run is finished"));
}

TEST_F(Import, SharedNormsCanBeCalibratedForMoreWidths) {
  const ReferenceNet& one = reference_net("us-mobilenet");
  folder_.write("us.safetensors", safetensors_bytes(one.state));
  const Outcome outcome = run(arguments("us.safetensors", one, "us", {"--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out).at("norm"), "calibrated");
  EXPECT_EQ(run({"calibrate", "us", "--width", "0.6", "--images", "50"}).code, 0);
  EXPECT_EQ(evaluate("us").size(), 4U);
}

TEST_F(Import, WhatIsWrongIsOneLineAndWritesNothing) {
  const ReferenceNet& one = reference_net("s-mobilenet");
  const std::string file = support::golden_file("s-mobilenet.pt").string();
  refused({arguments("none.pt", one, "x"), 66, "none.pt"});
  folder_.write("text.pt", "hello");
  refused({arguments("text.pt", one, "x"), 65, "text.pt: no state dict that is known"});
  refused({{"import", file, "--data", "shapes", "--out", "x"}, 2, "--net"});
  refused({{"import", file, "--net", "msdnet", "--out", "x"}, 2, "--data"});
  refused({arguments(file, one, "x", {"--quiet", "--widths", "0.25 0.5 1"}), 65,
           "widths in its norms: 2, in the net: 3"});
  EXPECT_FALSE(fs::exists(folder_ / "x"));
  ASSERT_EQ(run(arguments(file, one, "x")).code, 0);
  refused({arguments(file, one, "x"), 2, "holds a run already"});
}

int script(const std::string& python, const std::string& arguments) {
  const std::string file = std::string(CONCERTINA_SOURCE_DIR) + "/tests/cli/reference_nets.py";
  const int status = std::system((python + " " + file + " " + arguments).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Files as torch.save leaves them, of the Python that CONCERTINA_TORCH_PYTHON names, or Debian's.
TEST_F(Import, FilesOfThisMachinesTorchGiveTheSame) {
  const char* named = std::getenv("CONCERTINA_TORCH_PYTHON");
  const std::string python = named != nullptr && *named != '\0' ? named : "/usr/bin/python3";
  if (script(python, "2>/dev/null") != 0) {
    GTEST_SKIP() << python << " has no torch (Debian: python3-torch, or CONCERTINA_TORCH_PYTHON)";
  }
  ASSERT_EQ(script(python, "make " + folder_.string()), 0);
  for (const char* name : {"s-mobilenet", "us-mobilenet", "msdnet", "s-msdnet"}) {
    SCOPED_TRACE(name);
    const ReferenceNet& one = reference_net(name);
    const Outcome outcome = run(arguments(std::string(name) + ".pt", one, name));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    expect_logits(name, one);
    EXPECT_EQ(evaluate(name).size(), one.logits.size());
  }
}

}  // namespace
}  // namespace concertina
