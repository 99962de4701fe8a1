// External teachers, what a run keeps of its plan, and adversarial evaluation.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "run_folder.h"

namespace concertina {
namespace {

using Json = nlohmann::json;
using support::contents;
using support::tiny_training;
using testing::HasSubstr;

class Teachers : public support::RunFolder {
 protected:
  std::vector<std::string> training(const std::string& name, const std::vector<std::string>& more,
                                    const std::string& recipe = "hinton") const {
    return tiny_training(name, recipe, more);
  }
};

TEST_F(Teachers, ARunAndWhatItExportsTeachAlike) {
  train("big", "joint");
  for (const char* format : {"h5", "torchscript"}) {
    const auto outcome = run({"export", "big", "--width", "1", "--format", format, "--out",
                              std::string("big.") + format, "--data", "shapes"});
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  std::vector<Json> results;
  for (const std::string source : {"big", "teacher=big/run.h5", "big.h5", "big.torchscript"}) {
    const std::string name = "of-" + std::to_string(results.size());
    results.push_back(json_of(training(name, {"--epochs", "1", "--teacher", source}))["submodels"]);
  }
  EXPECT_EQ(results[0], results[1]);
  for (std::size_t k = 2; k < results.size(); ++k) {  // folded: other roundings
    for (std::size_t s = 0; s < results[0].size(); ++s) {
      EXPECT_NEAR(results[k][s]["test"]["loss"].get<double>(),
                  results[0][s]["test"]["loss"].get<double>(), 1e-2);
    }
  }
}

TEST_F(Teachers, AResumedRunWantsTheSameTeacher) {
  train("big", "joint");
  const auto whole = training("whole", {"--epochs", "2", "--teacher", "big"});
  ASSERT_EQ(run(whole).code, 0);
  const auto broken = training("broken", {"--epochs", "2", "--teacher", "big", "--max-steps", "3"});
  ASSERT_EQ(run(broken).code, 75);
  ASSERT_EQ(run({"resume", "broken"}).code, 0);
  EXPECT_TRUE(contents(folder_ / "whole/run.h5") == contents(folder_ / "broken/run.h5"));
  const auto other = training("other", {"--epochs", "2", "--teacher", "big", "--max-steps", "3"});
  ASSERT_EQ(run(other).code, 75);
  std::filesystem::remove_all(folder_ / "big");
  train("big", "joint", {"--epochs", "1", "--seed", "9"});
  refused({"resume", "other", "--quiet"}, 65, "big/run.h5 has changed since the run began");
  std::filesystem::remove_all(folder_ / "big");
  refused({"resume", "other", "--quiet"}, 66, "/big/run.h5\" is not there");
}

TEST_F(Teachers, ARunCanStartFromAnothersWeights) {
  train("first", "joint");
  const auto warm = run(training("warm", {"--epochs", "1", "--start", "first"}, "joint"));
  EXPECT_EQ(warm.code, 0);
  EXPECT_THAT(warm.err, testing::ContainsRegex("start: ([0-9]+) of ([0-9]+) tensors from"));
  EXPECT_FALSE(contents(folder_ / "first/run.h5") == contents(folder_ / "warm/run.h5"));
  refused(training("x", {"--start", "nowhere", "--quiet"}, "joint"), 66, "nowhere");
  const auto other = run({"train", "--net", "msdnet-tiny", "--recipe", "joint", "--data", "shapes",
                          "--limit", "100", "--out", "x", "--start", "first", "--quiet"});
  EXPECT_EQ(other.code, 2);
  EXPECT_THAT(other.err, HasSubstr("has the name and shape of one of net \"msdnet-tiny\""));
}

TEST_F(Teachers, AnotherSensorIsSeenByEveryCommand) {
  train("old", "joint");
  train("new", "sensor-transition", {"--epochs", "1", "--teacher", "old"});
  const Json rows = json_of({"eval", "new"})["submodels"];
  const Json recorded = json_of(
      training("again", {"--epochs", "1", "--teacher", "old"}, "sensor-transition"))["submodels"];
  for (std::size_t k = 0; k < rows.size(); ++k) {
    EXPECT_EQ(rows[k]["accuracy"], recorded[k]["test"]["accuracy"]);
  }
}

TEST_F(Teachers, MistakesAreNamed) {
  refused(training("a", {}), 2, "recipe \"hinton\" needs an external teacher \"teacher\"");
  refused(training("a", {"--teacher", "nowhere"}), 66, "teacher \"nowhere\" is not there");
  refused(training("a", {"--teacher", "big=nowhere"}), 2, "has the teachers teacher");
  refused(training("a", {"--teacher", "nowhere"}, "joint"), 2, "has no external teacher");
  folder_.write("junk.pt", "no net at all");
  refused(training("a", {"--teacher", "junk.pt", "--quiet"}), 65, "TorchScript file");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a/run.h5"));
}

// A frozen net among those that a gate and attention look at, whose taps nothing else asks for.
TEST_F(Teachers, CanBeMembersOfWhatLearns) {
  train("big", "joint");
  for (const std::string kind : {"gate of=teacher,each", "attention of=teacher,students"}) {
    folder_.write("mix.ini",
                  "[recipe]\nsummary = mix\nextends = base\n[distill]\n"
                  "node = teacher : external\nnode = mix : " +
                      kind +
                      " tap=feature\n"
                      "edge = label -> each : ce weight=1\n"
                      "edge = mix -> students : kl weight=1 temperature=4 "
                      "reduction=batchmean t-power=2 gradient=through\n");
    const auto outcome = run(training("of-" + kind.substr(0, 4),
                                      {"--teacher", "big", "--epochs", "1", "--quiet"}, "mix.ini"));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
  }
}

TEST_F(Teachers, TapsThatATeacherLacksAreRefused) {
  train("big", "joint");
  folder_.write("two.ini",
                "[recipe]\nsummary = taps\nextends = base\n[distill]\n"
                "node = teacher : external\n"
                "edge = label -> each : ce weight=1\n"
                "edge = teacher -> each : pkt weight=1 gradient=stop tap=depht:0.5\n");
  refused(training("a", {"--teacher", "big", "--quiet"}, "two.ini"), 2, "tap \"depht:0.5\"");
}

TEST_F(Teachers, MetricsSayWhatEachEdgeGives) {
  train("run", "ipkd-ta");
  const std::string text = contents(folder_ / "run/metrics.jsonl");
  const Json step = Json::parse(text.substr(0, text.find('\n')));
  double shares = 0;
  for (const Json& term : step["links"]) {
    for (const char* key : {"edge", "teacher", "student", "weight", "temperature", "loss",
                            "gradient_norm", "share"}) {
      EXPECT_TRUE(term.contains(key)) << key;
    }
    if (term["student"] == "w0.250") shares += term["share"].get<double>();
  }
  EXPECT_NEAR(shares, 1, 1e-9);
}

TEST_F(Teachers, AttackedImagesAreHarder) {
  train("run", "joint", {"--epochs", "3"});
  const Json pgd = json_of({"eval", "run", "--attack", "pgd", "--epsilon", "0.1", "--attack-steps",
                            "5", "--images", "40", "--threads", "1"});
  EXPECT_EQ(pgd["attack"]["steps"], 5);
  EXPECT_EQ(json_of({"eval", "run", "--attack", "fgsm", "--images", "40"})["attack"]["steps"], 1);
  for (const Json& row : pgd["submodels"]) {
    EXPECT_EQ(row["images"], 40);
    EXPECT_GT(row["robust_loss"].get<double>(), row["loss"].get<double>());
    EXPECT_LE(row["robust_accuracy"].get<double>(), row["accuracy"].get<double>());
  }
  EXPECT_THAT(run({"eval", "run", "--attack", "pgd", "--images", "20"}).out, HasSubstr("attacked"));
  refused({"eval", "run", "--epsilon", "0.1"}, 2, "--epsilon is for --attack pgd or fgsm");
  refused({"eval", "run", "--attack", "pgd", "--epsilon", "8"}, 2, "such as 0.03 or 8/255");
  refused({"eval", "run", "--attack", "pdg"}, 2, "did you mean \"pgd\"?");
  refused({"eval", "run", "--attack", "fgsm", "--attack-steps", "3"}, 2,
          "--attack-steps is for --attack pgd");
}

TEST_F(Teachers, DevicesLearnPartsOfAMapAndMayFail) {
  train("big", "joint");
  const auto devices = [](const std::string& name, const std::vector<std::string>& more) {
    auto arguments = tiny_training(name, "nonn-redundant", {"--epochs", "2", "--teacher", "big"});
    std::replace(arguments.begin(), arguments.end(), std::string("slimmable-mobilenet-v1-tiny"),
                 std::string("nonn-mobilenet-v1-tiny"));
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  };
  const auto whole = run(devices("whole", {}));
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_THAT(whole.err, HasSubstr("plan: part-1: 128 filters of teacher's map"));
  ASSERT_EQ(run(devices("broken", {"--max-steps", "3"})).code, 75);
  ASSERT_EQ(run({"resume", "broken"}).code, 0);
  EXPECT_TRUE(contents(folder_ / "whole/run.h5") == contents(folder_ / "broken/run.h5"));
  const Json json = json_of({"eval", "whole", "--fail", "2"});
  for (const Json& row : json["submodels"]) {
    const Json& failures = row["failures"];
    EXPECT_EQ(failures["failed"], 2);
    ASSERT_EQ(failures["sets"].size(), 6U);
    EXPECT_EQ(failures["sets"][4]["devices"], Json({2, 4}));
    double sum = 0;
    for (const Json& set : failures["sets"]) sum += set["accuracy"].get<double>();
    EXPECT_NEAR(failures["mean"].get<double>(), sum / 6, 1e-12);
    EXPECT_LE(failures["worst"].get<double>(), sum / 6 + 1e-12);
    EXPECT_GE(failures["best"].get<double>(), sum / 6 - 1e-12);
  }
  EXPECT_THAT(run({"eval", "whole", "--fail", "2"}).out, HasSubstr("2 failed, mean"));
  refused({"eval", "whole", "--fail", "4"}, 2, "4 failed of the 4 devices");
  refused({"eval", "big", "--fail", "1"}, 2, "does not run on several devices");
  refused(devices("other", {"--quiet", "--net-option", "part-channels=100-100"}), 2,
          "has 100 channels at its tap; expected 128, as part-1 has, or an adapter");
}

}  // namespace
}  // namespace concertina
