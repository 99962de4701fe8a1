// From a run to files that ship, and early exit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::Outcome;
using testing::HasSubstr;
namespace fs = std::filesystem;

class Export : public support::RunFolder {};

TEST_F(Export, EveryFormatIsWrittenAndChecked) {
  train("r", "quick");
  for (const std::string format : {"h5", "onnx", "torchscript", "safetensors", "pt"}) {
    const Json one = json_of({"export", "r", "--width", "0.5", "--format", format});
    ASSERT_FALSE(one.is_null()) << format;
    EXPECT_EQ(one.at("submodels").at(0).at("id"), "w0.500");
    EXPECT_TRUE(one.at("folded"));
    EXPECT_EQ(one.at("check").at("images"), 64);
    EXPECT_LT(one.at("check").at("difference"), 1e-5);
    const fs::path file = folder_ / one.at("file").get<std::string>();
    EXPECT_EQ(fs::file_size(file), one.at("file_bytes"));
    const Json full =
        json_of({"export", "r", "--width", "1", "--format", format, "--out", "full.bin"});
    EXPECT_GT(full.at("file_bytes"), one.at("file_bytes")) << format;
    const Json norms = json_of(
        {"export", "r", "--width", "0.5", "--format", format, "--no-fold", "--out", "norms.bin"});
    EXPECT_GT(norms.at("file_params"), one.at("file_params"));
  }
  EXPECT_THAT(contents(folder_ / "r/w0.500.onnx"), HasSubstr("class"));
}

TEST_F(Export, TheSameRunGivesTheSameBytes) {
  train("r", "quick");
  for (const std::string format : {"h5", "onnx", "safetensors", "pt"}) {
    run({"export", "r", "--width", "0.25", "--format", format, "--out", "a"});
    run({"export", "r", "--width", "0.25", "--format", format, "--out", "b"});
    EXPECT_TRUE(contents(folder_ / "a") == contents(folder_ / "b")) << format;
  }
}

TEST_F(Export, WithoutAWidthItTakesWhatSelectChose) {
  train("r", "quick");
  refused({"export", "r", "--format", "onnx"}, 2, "or a choice by `concertina select`");
  ASSERT_EQ(run({"sweep", "r", "--repetitions", "1", "--threads", "1"}).code, 0);
  const Json choice = json_of({"select", "r", "--max-params", "10k"}).at("choice");
  const Json one = json_of({"export", "r", "--format", "onnx"});
  EXPECT_EQ(one.at("submodels").at(0).at("id"), choice.at("id"));
  EXPECT_EQ(one.at("submodels").at(0).at("accuracy"), choice.at("accuracy"));
  folder_.write("r/choice.ini", "[choice]\nwidth = 0.5\nexit = 1\n[measured]\nrun_sha256 = 0\n");
  refused({"export", "r", "--format", "onnx"}, 2, "was chosen from another state of the run");
  folder_.write("r/choice.ini", "[choice]\n");
  refused({"export", "r", "--format", "onnx"}, 65, "not a choice");
  folder_.write("r/choice.ini", "[choice]\nwidth = 7\nexit = 1\n[measured]\nrun_sha256 = 0\n");
  refused({"export", "r", "--format", "onnx"}, 65, "choice.width \"7\" is not in 0.001 to 1");
}

TEST_F(Export, AnyWidthOfACalibratedRunShips) {
  train("us", "sandwich", {"--epochs", "1", "--set", "distill.calibration-images=100"});
  const std::string before = contents(folder_ / "us/run.h5");
  const Json one = json_of({"export", "us", "--width", "0.5,0.75,1", "--format", "onnx"});
  EXPECT_EQ(one.at("submodels").at(0).at("id"), "w0.500-0.750-1.000");
  EXPECT_TRUE(contents(folder_ / "us/run.h5") == before);
  train("fixed", "quick");
  refused({"export", "fixed", "--width", "0.35", "--format", "h5"}, 2,
          "width 0.35 was not trained");
}

TEST_F(Export, AllWidthsAreOneFile) {
  train("r", "quick");
  const Json all = json_of({"export", "r", "--all-widths", "--out", "all.h5"});
  EXPECT_EQ(all.at("submodels").size(), 4U);
  EXPECT_TRUE(all.at("submodels").at(0).at("accuracy").is_number());
  const Json inside = json_of({"inspect", "all.h5"});
  EXPECT_EQ(inside.at("submodels").size(), 4U);
  EXPECT_EQ(inside.at("submodels").at(3).at("accuracy"), all.at("submodels").at(3).at("accuracy"));
  EXPECT_EQ(inside.at("origin").at("checkpoint"), "last");
  EXPECT_THAT(run({"inspect", "all.h5"}).out, HasSubstr("run_sha256 = "));
  refused({"export", "r", "--all-widths", "--format", "onnx"}, 2, "--all-widths writes h5 only");
  refused({"export", "r", "--all-widths", "--width", "0.5"}, 2, "exclude each other");
  refused({"export", "r", "--all-widths", "--checkpoint", "best"}, 2, "--checkpoint last");
}

TEST_F(Export, ABestCheckpointShipsToo) {
  train("r", "quick", {"--epochs", "1", "--validation", "40"});
  const Json one =
      json_of({"export", "r", "--width", "0.25", "--format", "pt", "--checkpoint", "best"});
  EXPECT_EQ(one.at("submodels").at(0).at("id"), "w0.250");
}

TEST_F(Export, WhatCannotBeIsRefused) {
  train("r", "quick");
  refused({"export", "r", "--width", "0.5"}, 2, "needs --format");
  refused({"export", "r", "--width", "0.5", "--format", "tflite"}, 2, "unknown value \"tflite\"");
  refused({"export", "r", "--width", "0.5", "--exit", "2", "--format", "pt"}, 2, "exit 2 of net");
  refused({"export", "r", "--width", "0.5", "--submodel", "w0.500", "--format", "pt"}, 2,
          "exclude each other");
  refused({"export", "none", "--width", "0.5", "--format", "pt"}, 66, "is not there");
  refused({"export", "r", "--width", "0.5", "--format", "pt", "--out", "none/x.pt"}, 74,
          "cannot replace");
}

class Exits : public Export {
 protected:
  void train_exits(const std::string& name, const std::string& validation) const {
    const Outcome outcome = run({"train",   "--net",   "msdnet-tiny", "--recipe",     "joint",
                                 "--data",  "shapes",  "--limit",     "200",          "--epochs",
                                 "1",       "--batch", "20",          "--threads",    "1",
                                 "--quiet", "--out",   name,          "--validation", validation});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
};

TEST_F(Exits, BudgetedEvaluationRunsFromTheFirstExitToTheLast) {
  train_exits("m", "40");
  const Json found = json_of({"eval", "m", "--budgeted"});
  EXPECT_EQ(found.at("fitted_on"), 40);
  ASSERT_EQ(found.at("widths").size(), 2U);
  for (const Json& width : found.at("widths")) {
    double last = 0;
    for (const Json& policy : width.at("policies")) {
      double shares = 0;
      for (const double share : policy.at("shares")) shares += share;
      EXPECT_NEAR(shares, 1, 1e-9);
      const double fitted = policy.at("validation").at("average_macs");
      EXPECT_GE(fitted, last);
      last = fitted;
    }
  }
  const Outcome text = run({"eval", "m", "--budgeted", "--width", "0.5"});
  EXPECT_THAT(text.out, HasSubstr("average MACs  accuracy  exit 1  exit 2  exit 3"));
  EXPECT_THAT(text.out, HasSubstr("thresholds fitted on 40 validation images"));
  const Json all = json_of({"export", "m", "--all-widths"});
  EXPECT_EQ(all.at("submodels").size(), 6U);
  refused({"eval", "m", "--budgeted", "--split", "validation"}, 2, "expected another --split");
  refused({"eval", "m", "--budgeted", "--submodel", "w0.500-e1"}, 2, "exclude each other");
}

TEST_F(Exits, BudgetedEvaluationNeedsExitsAndHeldOutImages) {
  train_exits("m", "0");
  refused({"eval", "m", "--budgeted"}, 2, "train with --validation N");
  train("r", "quick");
  refused({"eval", "r", "--budgeted"}, 2, "has one exit");
}

}  // namespace
}  // namespace concertina
