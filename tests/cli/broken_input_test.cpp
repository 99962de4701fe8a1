// Recipes and folders of images that a hand or a download has broken.
#include <gtest/gtest.h>

#include "program.h"

namespace concertina {
namespace {

using support::expect_refused;
using support::TempFolder;

struct Broken {
  std::string text;
  int code;
  std::string message;  // a part of it
};

void expect_refused_recipes(const std::vector<Broken>& table) {
  const TempFolder folder;
  for (const Broken& broken : table) {
    folder.write("r.ini", broken.text);
    expect_refused({{"show", "recipe", "r.ini"}, broken.code, broken.message}, folder.path());
  }
}

TEST(BrokenRecipe, OfUnknownWordsNamesTheNearest) {
  expect_refused_recipes(
      {{"[train]\nepoch = 3\n", 2,
        "r.ini:2: unknown key \"train.epoch\"; did you mean \"train.epochs\"?"},
       {"[train]\nlr = 3\n", 2, "unknown key \"train.lr\"; did you mean \"optimizer.lr\"?"},
       {"[optimiser]\nlr = 3\n", 2, "unknown section \"optimiser\"; did you mean \"optimizer\"?"},
       {"[optimizer]\nschedule = cosin\n", 2, "did you mean \"cosine\"?"},
       {"[recipe]\nextends = bas\n", 66, "unknown recipe \"bas\"; did you mean \"base\"?"},
       {"[distill]\nedge = label -> each : ke\n", 2, "did you mean"},
       {"[distill]\nedge = label -> eech : ce\n", 2, "did you mean \"each\"?"}});
}

TEST(BrokenRecipe, OfBadValuesNamesThePlace) {
  expect_refused_recipes(
      {{"[train]\nepochs = many\n", 2, "r.ini:2: train.epochs: expected an integer from 1 to"},
       {"[train]\nepochs = 2.5\n", 2, "found \"2.5\""},
       {"[train]\nepochs = 99999999999999999999\n", 2, "r.ini:2: train.epochs: expected an"},
       {"[train]\n\nbatch = 0\n", 2, "r.ini:3: train.batch: expected an integer from 1 to 65536"},
       {"[optimizer]\nlr = nan\n", 2, "expected a number from 0 to 100, found \"nan\""},
       {"[optimizer]\nmomentum = 1\n", 2, "optimizer.momentum: expected a number from 0 to"},
       {"[optimizer]\nnesterov = maybe\n", 2, "optimizer.nesterov"},
       {"[net]\nwidths = 0.25 0.5\n", 2, "different widths that include 1"},
       {"[net]\nwidths = 0.5 0.5 1\n", 2, "different widths that include 1"},
       {"[distill]\nedge = label => each\n", 2, "expected TEACHER -> STUDENT : CRITERION"},
       {"[distill]\nedge = full -> students : kl\n", 2, "reduction is missing"},
       {"[distill]\nedge = label -> each : ce weight=0\n", 2, "weight: expected more than 0"},
       {"[train]\nepochs = 3\x1b[31m\n", 2, "found \"3?[31m\""}});
}

TEST(BrokenRecipe, ThatIsNoIniNamesTheLine) {
  expect_refused_recipes(
      {{"epochs = 3\n", 2, "r.ini:1: expected a [section] before the first key"},
       {"[train]\nepochs 3\n", 2, "r.ini:2: expected [section], key = value or # comment"},
       {"[train\nepochs = 3\n", 2, "r.ini:1: expected [section], found \"[train\""},
       {"[recipe]\nsummary = \"open\n", 2, "is never closed"},
       {"[train]\nepochs = 3\nbatch = 4\nepochs = 5\n", 2,
        "r.ini:4: train.epochs is given twice; first on line 2"},
       {std::string("\x89HDF\r\n\x1a\n\0\0\1", 11), 2, "r.ini:1: expected"}});
}

TEST(BrokenRecipe, WhoseKeysDoNotGoTogetherNamesOne) {
  expect_refused_recipes(
      {{"[optimizer]\nnesterov = true\nmomentum = 0\n", 2, "needs a momentum above 0"},
       {"[optimizer]\nschedule = multistep\n", 2, "multistep needs optimizer.milestones"},
       {"[distill]\nrandom-widths = 2\n", 2, "needs net.norm = calibrated"},
       {"[net]\nnorm = calibrated\nwidths = 0.5-0.75 1\n[distill]\nrandom-widths = 2\n", 2,
        "needs net.widths of one share each"},
       {"[distill]\nedge = full -> students : kl reduction=sum t-power=0 gradient=stop\n", 2,
        "the full sub-model learns from nothing"},
       {"[distill]\nedge = label -> full : ce\n", 2, "no edge teaches the sub-models between"},
       {"[distill]\nedge = label -> each : kl reduction=sum t-power=0 gradient=stop\n", 2,
        "the label teaches with ce or pair only"}});
}

TEST(BrokenRecipe, ThatExtendsInACircleOrNothingIsRefused) {
  const TempFolder folder;
  folder.write("a.ini", "[recipe]\nextends = b.ini\n");
  folder.write("b.ini", "[recipe]\nextends = c.ini\n");
  folder.write("c.ini", "# back to the first\n[recipe]\nextends = a.ini\n");
  folder.write("self.ini", "[recipe]\nextends = self.ini\n");
  folder.write("lost.ini", "[recipe]\nextends = none.ini\n");
  std::filesystem::create_directory(folder / "folder.ini");
  const std::vector<support::Refusal> table = {
      {{"show", "recipe", "a.ini"},
       2,
       "c.ini:3: recipe.extends: a circle: a.ini -> b.ini -> c.ini"},
      {{"show", "recipe", "self.ini"}, 2, "a circle: self.ini -> self.ini"},
      {{"show", "recipe", "lost.ini"}, 66, "lost.ini:2: recipe.extends: no file \"none.ini\""},
      {{"show", "recipe", "none.ini"}, 66, "no file \"none.ini\""},
      {{"show", "recipe", "folder.ini"}, 74, "\"folder.ini\": Is a directory"},
      {{"show", "recipe", "no\nne"}, 66, "unknown recipe \"no?ne\"; known: alpha-divergence"}};
  for (const support::Refusal& refusal : table) expect_refused(refusal, folder.path());
}

constexpr std::size_t kPixels = 3072;

std::string records(std::size_t count) {
  std::string bytes;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += static_cast<char>(i % 10);
    for (std::size_t k = 0; k < kPixels; ++k) bytes += static_cast<char>(i * 31 + k * k);
  }
  return bytes;
}

class BrokenCifar10 : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* number : {"1", "2", "3", "4", "5"}) {
      folder_.write(std::string("images/data_batch_") + number + ".bin", records(20));
    }
    folder_.write("images/test_batch.bin", records(10));
  }
  void expect_refused(int code, const std::string& message, const std::string& data = "cifar10") {
    support::expect_refused(
        {{"train", "--net", "slimmable-mobilenet-v1-tiny", "--recipe", "quick", "--data",
          data + ":images", "--epochs", "1", "--threads", "1", "--out", "run"},
         code,
         message},
        folder_.path());
    EXPECT_FALSE(std::filesystem::exists(folder_ / "run")) << message;
  }

  TempFolder folder_;
};

TEST_F(BrokenCifar10, WithoutAFileNamesIt) {
  std::filesystem::remove(folder_ / "images/data_batch_3.bin");
  expect_refused(66, "images has no data_batch_3.bin");
  std::filesystem::remove_all(folder_ / "images");
  expect_refused(66, "data_batch_1.bin");
  std::filesystem::create_directory(folder_ / "images");
  expect_refused(66, "test_batch.bin");
}

TEST_F(BrokenCifar10, WithBrokenRecordsNamesThem) {
  folder_.write("images/data_batch_2.bin", records(20) + std::string(100, 'x'));
  expect_refused(65, "data_batch_2.bin: record 20 has 100 bytes, expected 3073");
  folder_.write("images/data_batch_2.bin", "");
  expect_refused(65, "data_batch_2.bin: file is empty");
  std::string bytes = records(20);
  bytes[7 * (kPixels + 1)] = 10;
  folder_.write("images/data_batch_2.bin", bytes);
  expect_refused(65, "data_batch_2.bin: record 7: label is 10, expected 0..9");
}

TEST_F(BrokenCifar10, WithTooFewClassesIsRefused) {
  for (const char* number : {"1", "2", "3", "4", "5"}) {
    folder_.write(std::string("images/data_batch_") + number + ".bin", records(9));
  }
  expect_refused(65, "class 9 (9) has 0 of 45 train images");
}

TEST_F(BrokenCifar10, IsNoOtherDataset) {
  expect_refused(66, "train.bin", "cifar100");
  expect_refused(66, "train-images-idx3-ubyte", "idx");
}

}  // namespace
}  // namespace concertina
