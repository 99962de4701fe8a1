#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "support/temp_folder.h"

#include "data/expect_error.h"

namespace concertina {
namespace {

using support::TempFolder;

constexpr std::size_t kPixels = 3072;

// A record whose pixel i of plane c is label + 50 c (+ 1 at the last pixel of a plane).
std::string record(const std::string& labels) {
  std::string bytes = labels;
  for (std::size_t i = 0; i < kPixels; ++i) {
    const std::size_t last = i % 1024 == 1023 ? 1 : 0;
    bytes += static_cast<char>(static_cast<std::size_t>(labels.back()) + 50 * (i / 1024) + last);
  }
  return bytes;
}

std::string ten_records() {
  std::string bytes;
  for (char label = 0; label < 10; ++label) bytes += record({label});
  return bytes;
}

void write_cifar10(const TempFolder& folder, const std::string& below = "") {
  for (const auto* number : {"1", "2", "3", "4", "5"})
    folder.write(below + "data_batch_" + number + ".bin", ten_records());
  folder.write(below + "test_batch.bin", record({7}) + record({3}));
}

void write_cifar100(const TempFolder& folder, const std::string& below = "") {
  folder.write(below + "train.bin", record({3, 99}) + record({19, 0}));
  folder.write(below + "test.bin", record({1, 2}));
}

TEST(Cifar10, ReadsLabelsAndPlanesOfAllFiles) {
  const TempFolder folder;
  write_cifar10(folder);
  const auto dataset = read_dataset("cifar10:" + folder.string());
  EXPECT_EQ(dataset.name, "cifar10");
  EXPECT_EQ(dataset.train.images.sizes(), (at::IntArrayRef{50, 3, 32, 32}));
  EXPECT_TRUE(at::equal(dataset.train.labels, at::arange(50, at::kLong).remainder(10)));
  EXPECT_TRUE(at::equal(dataset.test.labels, at::tensor({7, 3}, at::kLong)));
  const auto image = dataset.test.images[1];
  EXPECT_EQ(image[0][0][0].item<int>(), 3);
  EXPECT_EQ(image[2][31][30].item<int>(), 103);
  EXPECT_EQ(image[2][31][31].item<int>(), 104);
}

TEST(Cifar10, FolderMayBeTheOneAboveTheArchivesOwn) {
  const TempFolder folder;
  write_cifar10(folder, "cifar-10-batches-bin/");
  EXPECT_EQ(read_dataset("cifar10:" + folder.string()).train.size(), 50);
}

TEST(Cifar10, ClassNamesComeFromTheMetaFile) {
  const TempFolder folder;
  write_cifar10(folder);
  EXPECT_EQ(read_dataset("cifar10:" + folder.string()).classes.at(9), "9");
  folder.write("batches.meta.txt",
               "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
  EXPECT_EQ(read_dataset("cifar10:" + folder.string()).classes.at(9), "truck");
  const auto file = folder.write("batches.meta.txt", "airplane\nautomobile\n");
  expect_error<DataError>("cifar10:" + folder.string(),
                          {file.string(), "2 class names, expected 10"});
}

TEST(Cifar10, NamesEveryMissingFile) {
  const TempFolder folder;
  write_cifar10(folder);
  std::filesystem::remove(folder / "data_batch_3.bin");
  std::filesystem::remove(folder / "test_batch.bin");
  expect_error<NoInputError>(
      "cifar10:" + folder.string(),
      {folder.string() + " has no data_batch_3.bin, test_batch.bin", "cifar-10-batches-bin"});
}

TEST(Cifar10, NamesMissingFilesOfTheFolderThatHasSome) {
  const TempFolder folder;
  write_cifar10(folder, "cifar-10-batches-bin/");
  std::filesystem::remove(folder / "cifar-10-batches-bin/data_batch_5.bin");
  expect_error<NoInputError>("cifar10:" + folder.string(),
                             {"/cifar-10-batches-bin has no data_batch_5.bin"});
}

TEST(Cifar10, RefusesAFileThatIsCutOff) {
  const TempFolder folder;
  write_cifar10(folder);
  const auto file = folder.write("data_batch_2.bin", ten_records().substr(0, 9 * 3073 + 100));
  expect_error<DataError>("cifar10:" + folder.string(),
                          {file.string(), "record 9 has 100 bytes, expected 3073"});
}

TEST(Cifar10, RefusesAnEmptyFile) {
  const TempFolder folder;
  write_cifar10(folder);
  const auto file = folder.write("test_batch.bin", "");
  expect_error<DataError>("cifar10:" + folder.string(), {file.string(), "file is empty"});
}

TEST(Cifar10, RefusesALabelOutOfRange) {
  const TempFolder folder;
  write_cifar10(folder);
  const auto file = folder.write("data_batch_4.bin", record({1}) + record({'\xC8'}));
  expect_error<DataError>("cifar10:" + folder.string(),
                          {file.string(), "record 1: label is 200, expected 0..9"});
}

TEST(Cifar100, ReadsFineOrCoarseLabels) {
  const TempFolder folder;
  write_cifar100(folder, "cifar-100-binary/");
  const auto fine = read_dataset("cifar100:" + folder.string());
  const auto coarse = read_dataset("cifar100-coarse:" + folder.string());
  EXPECT_EQ(fine.classes.size(), 100U);
  EXPECT_EQ(coarse.classes.size(), 20U);
  EXPECT_TRUE(at::equal(fine.train.labels, at::tensor({99, 0}, at::kLong)));
  EXPECT_TRUE(at::equal(coarse.train.labels, at::tensor({3, 19}, at::kLong)));
  EXPECT_TRUE(at::equal(fine.train.images, coarse.train.images));
  EXPECT_EQ(fine.train.images[0][1][0][0].item<int>(), 149);
}

TEST(Cifar100, ChecksBothLabelsWhicheverIsUsed) {
  const TempFolder folder;
  write_cifar100(folder);
  folder.write("test.bin", record({20, 5}));
  expect_error<DataError>("cifar100:" + folder.string(),
                          {"test.bin: record 0: coarse label is 20, expected 0..19"});
  folder.write("test.bin", record({0, 100}));
  expect_error<DataError>("cifar100-coarse:" + folder.string(),
                          {"test.bin: record 0: fine label is 100, expected 0..99"});
}

TEST(Cifar100, RefusesFilesOfCifar10) {
  const TempFolder folder;
  folder.write("train.bin", ten_records());
  folder.write("test.bin", ten_records());
  expect_error<DataError>("cifar100:" + folder.string(), {"train.bin", "expected 3074"});
}

}  // namespace
}  // namespace concertina
