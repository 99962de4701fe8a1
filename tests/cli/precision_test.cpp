// From the command line: sub-models of fewer bits, trained, measured, chosen and exported.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

class Precision : public support::RunFolder {
 protected:
  void SetUp() override {
    train("r", "switchable-precision", {"--epochs", "1", "--widths", "1@4,1"});
  }
};

TEST_F(Precision, EveryCommandKnowsItsSubModels) {
  const Json eval = json_of({"eval", "r", "--threads", "1"});
  ASSERT_EQ(eval.at("submodels").size(), 2U);
  EXPECT_EQ(eval.at("submodels")[0].at("id"), "w1.000@4");
  ASSERT_EQ(run({"eval", "r", "--width", "1@4", "--threads", "1"}).code, 0);
  const Json inspect = json_of({"inspect", "r"}).at("submodels");
  EXPECT_EQ(inspect[0].at("bits"), 4);
  EXPECT_EQ(inspect[0].at("width"), 1);
  EXPECT_EQ(inspect[1].at("bits"), 32);
  EXPECT_EQ(inspect[0].at("macs"), inspect[1].at("macs"));
  EXPECT_LT(inspect[0].at("bytes"), inspect[1].at("bytes"));
  const Json sweep = json_of({"sweep", "r", "--threads", "1", "--repetitions", "1"});
  EXPECT_EQ(sweep.at("submodels")[0].at("bits"), 4);
  const Json choice =
      json_of({"select", "r", "--max-bytes", inspect[0].at("bytes").dump() + "B"}).at("choice");
  EXPECT_EQ(choice.at("id"), "w1.000@4");
  const Json chosen = json_of({"export", "r", "--format", "h5", "--no-fold"});
  EXPECT_EQ(chosen.at("submodels")[0].at("id"), "w1.000@4");
  EXPECT_EQ(json_of({"inspect", "r/w1.000@4.h5"}).at("submodels")[0].at("bytes"),
            inspect[0].at("bytes"));
}

TEST_F(Precision, EveryFormatIsWrittenAndChecked) {
  for (const std::string format : {"h5", "onnx", "torchscript", "safetensors", "pt"}) {
    const Json one = json_of({"export", "r", "--submodel", "w1.000@4", "--format", format});
    ASSERT_FALSE(one.is_null()) << format;
    EXPECT_LT(one.at("check").at("difference"), 1e-2) << format;
    EXPECT_EQ(one.at("check").at("tolerance"), 1e-2) << format;
  }
  const Json best =
      json_of({"export", "r", "--width", "1@4", "--format", "onnx", "--checkpoint", "best"});
  EXPECT_FALSE(best.is_null());
  const Json all = json_of({"export", "r", "--all-widths", "--out", "all.h5"});
  EXPECT_EQ(all.at("submodels").size(), 2U);
  EXPECT_EQ(json_of({"inspect", "all.h5"}).at("submodels")[0].at("id"), "w1.000@4");
}

TEST_F(Precision, WhatCannotBeIsOneLine) {
  refused({"export", "r", "--width", "1@2", "--format", "h5"}, 2, "width 1@2 was not trained");
  refused({"export", "r", "--width", "1@12", "--format", "h5"}, 2, "\"12\" bits; expected 1 to 8");
  refused({"sweep", "r", "--widths", "1@2"}, 2, "was not trained");
  refused(support::tiny_training("x", "switchable-precision", {"--engine", "fused", "--quiet"}), 2,
          "cannot compute net \"slimmable-mobilenet-v1-tiny\" at width 1@2");
  refused(support::tiny_training("x", "switchable-precision",
                                 {"--net-option", "activation=lma", "--quiet"}),
          2, "is a multi-segment activation, which takes no bits");
  refused(support::tiny_training("x", "sandwich", {"--widths", "1@4 1"}), 2,
          "needs net.widths without bits");
  refused(support::tiny_training("x", "quick", {"--widths", "1@4"}), 2,
          "different widths that include 1");
}

TEST_F(Precision, ACalibratedRunTakesFurtherPrecisions) {
  train("us", "sandwich", {"--epochs", "1", "--set", "distill.calibration-images=100"});
  const Json one = json_of({"export", "us", "--width", "0.5@8", "--format", "onnx"});
  EXPECT_EQ(one.at("submodels")[0].at("id"), "w0.500@8");
  ASSERT_EQ(run({"calibrate", "us", "--width", "1@4", "--threads", "1"}).code, 0);
  const Json sweep =
      json_of({"sweep", "us", "--widths", "1@4 1", "--threads", "1", "--repetitions", "1"});
  EXPECT_EQ(sweep.at("submodels")[0].at("id"), "w1.000@4");
  refused({"search", "us", "--max-macs", "1M", "--step", "0.1@4"}, 2, "is more than a share");
}

TEST_F(Precision, AnotherRunLearnsFromIt) {
  train("new", "hinton", {"--epochs", "1", "--teacher", "teacher=r:w1.000@4"});
  train("again", "switchable-precision",
        {"--epochs", "1", "--widths", "1@2 1@4 1", "--start", "r"});
}

}  // namespace
}  // namespace concertina
