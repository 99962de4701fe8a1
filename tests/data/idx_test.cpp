#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "concertina/core/error.h"

#include "support/temp_folder.h"

#include "data/expect_error.h"

namespace concertina {
namespace {

using support::TempFolder;

const char* const kTrainImages = "train-images-idx3-ubyte";
const char* const kTrainLabels = "train-labels-idx1-ubyte";
const char* const kTestImages = "t10k-images-idx3-ubyte";
const char* const kTestLabels = "t10k-labels-idx1-ubyte";

std::string big_endian(std::initializer_list<std::uint32_t> values) {
  std::string bytes;
  for (const auto value : values)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// Pixel i of the file is i modulo 251.
std::string images(std::uint32_t count, std::uint32_t height = 28, std::uint32_t width = 28) {
  auto bytes = big_endian({0x803, count, height, width});
  for (std::uint32_t i = 0; i < count * height * width; ++i) bytes += static_cast<char>(i % 251);
  return bytes;
}

std::string labels(const std::string& values) {
  return big_endian({0x801, static_cast<std::uint32_t>(values.size())}) + values;
}

void write_plain(const TempFolder& folder) {
  folder.write(kTrainImages, images(4));
  folder.write(kTrainLabels, labels({0, 2, 1, 2}));
  folder.write(kTestImages, images(2));
  folder.write(kTestLabels, labels({2, 0}));
}

std::filesystem::path write_gz(const TempFolder& folder, const std::string& name,
                               const std::string& bytes) {
  const auto path = folder / (name + ".gz");
  const gzFile file = gzopen(path.c_str(), "wb");
  EXPECT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())),
            static_cast<int>(bytes.size()));
  EXPECT_EQ(gzclose(file), Z_OK);
  return path;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void expect_refused(const TempFolder& folder, const std::vector<std::string>& parts) {
  expect_error<DataError>("idx:" + folder.string(), parts);
}

TEST(Idx, ReadsPlainFilesAsTheyAre) {
  const TempFolder folder;
  write_plain(folder);
  const auto dataset = read_dataset("idx:" + folder.string());
  EXPECT_EQ(dataset.train.images.sizes(), (at::IntArrayRef{4, 1, 28, 28}));
  EXPECT_TRUE(at::equal(dataset.train.images.flatten().to(at::kLong),
                        at::arange(4 * 784, at::kLong).remainder(251)));
  EXPECT_TRUE(at::equal(dataset.train.labels, at::tensor({0, 2, 1, 2}, at::kLong)));
  EXPECT_TRUE(at::equal(dataset.test.labels, at::tensor({2, 0}, at::kLong)));
  EXPECT_EQ(dataset.classes, (std::vector<std::string>{"0", "1", "2"}));
}

TEST(Idx, ReadsGzipFiles) {
  const TempFolder plain, packed;
  write_plain(plain);
  for (const auto* name : {kTrainImages, kTrainLabels, kTestImages, kTestLabels})
    write_gz(packed, name, text_of(plain / name));
  const auto a = read_dataset("idx:" + plain.string()), b = read_dataset("idx:" + packed.string());
  EXPECT_TRUE(at::equal(a.train.images, b.train.images));
  EXPECT_TRUE(at::equal(a.train.labels, b.train.labels));
  EXPECT_TRUE(at::equal(a.test.images, b.test.images));
}

TEST(Idx, NamesEveryMissingFile) {
  const TempFolder folder;
  write_plain(folder);
  std::filesystem::remove(folder / kTrainLabels);
  std::filesystem::remove(folder / kTestImages);
  expect_error<NoInputError>(
      "idx:" + folder.string(),
      {"has no " + std::string(kTrainLabels) + ", " + kTestImages, "with .gz"});
}

TEST(Idx, RefusesAnotherMagicNumber) {
  const TempFolder folder;
  write_plain(folder);
  const auto file = folder.write(kTestImages, labels({0, 1}));
  expect_refused(folder, {file.string(), "offset 0: magic number is 0x00000801",
                          "expected 0x00000803 (images)"});
}

TEST(Idx, RefusesAFileCutOffAnywhere) {
  const TempFolder folder;
  write_plain(folder);
  folder.write(kTestLabels, "");
  expect_refused(folder, {kTestLabels, "ends at offset 0 inside its header"});
  folder.write(kTestLabels, big_endian({0x801}) + "ab");
  expect_refused(folder, {kTestLabels, "ends at offset 6 inside its header"});
  folder.write(kTestLabels, labels({2, 0}).substr(0, 9));
  expect_refused(folder, {kTestLabels, "ends at offset 9 inside its labels, expected 10 bytes"});
}

TEST(Idx, RefusesAHeaderThatAsksForMoreThanTheFileCanHold) {
  const TempFolder folder;
  write_plain(folder);
  folder.write(kTrainImages, big_endian({0x803, 0x7FFFFFFF, 65536, 65536}) + "x");
  expect_refused(folder, {kTrainImages, "asks for 9223372032559808512 bytes of pixels", "the 17"});
  std::filesystem::remove(folder / kTrainImages);
  write_gz(folder, kTrainImages, big_endian({0x803, 0x7FFFFFFF, 28, 28}) + "x");
  expect_refused(folder, {kTrainImages, "asks for 1683627179248 bytes"});
}

TEST(Idx, RefusesSizesOfNothingOrTooMuch) {
  const TempFolder folder;
  write_plain(folder);
  folder.write(kTrainImages, big_endian({0x803, 4, 0, 28}));
  expect_refused(folder, {"height is 0, expected 1..65536"});
  folder.write(kTrainImages, big_endian({0x803, 4, 28, 65537}));
  expect_refused(folder, {"width is 65537, expected 1..65536"});
  folder.write(kTrainImages, big_endian({0x803, 0, 28, 28}));
  expect_refused(folder, {"number of items is 0"});
  folder.write(kTrainImages, big_endian({0x803, 0xFFFFFFFF, 28, 28}));
  expect_refused(folder, {"number of items is 4294967295"});
}

TEST(Idx, RefusesBytesAfterTheEnd) {
  const TempFolder folder;
  write_plain(folder);
  folder.write(kTrainLabels, labels({0, 2, 1, 2}) + "x");
  expect_refused(folder, {kTrainLabels, "more bytes at offset 12, expected the end"});
}

TEST(Idx, RefusesDamagedGzipFiles) {
  const TempFolder folder;
  write_plain(folder);
  std::filesystem::remove(folder / kTrainImages);
  auto bytes = text_of(write_gz(folder, kTrainImages, images(4)));
  folder.write(std::string(kTrainImages) + ".gz", bytes.substr(0, bytes.size() / 2));
  expect_refused(folder, {kTrainImages, "inside its pixels"});
  folder.write(std::string(kTrainImages) + ".gz", bytes.substr(0, bytes.size() - 6));
  expect_refused(folder, {kTrainImages, "damaged at or after offset 3152: unexpected end of file"});
  auto wrong_checksum = bytes;
  wrong_checksum[bytes.size() - 7] ^= 0x40;
  folder.write(std::string(kTrainImages) + ".gz", wrong_checksum);
  expect_refused(folder, {kTrainImages, "damaged at or after offset", ": incorrect data check"});
}

TEST(Idx, NamesAFileThatMayNotBeRead) {
  const TempFolder folder;
  write_plain(folder);
  std::filesystem::permissions(folder / kTrainImages, std::filesystem::perms::none);
  if (std::ifstream(folder / kTrainImages)) GTEST_SKIP() << "this user may read every file";
  expect_error<IoError>("idx:" + folder.string(), {kTrainImages, "cannot open"});
}

TEST(Idx, RefusesUnequalNumbersOfImagesAndLabels) {
  const TempFolder folder;
  write_plain(folder);
  const auto file = folder.write(kTrainLabels, labels({0, 1, 2}));
  expect_refused(folder, {file.string(), "3 labels, expected 4"});
}

TEST(Idx, RefusesATestLabelThatTrainingDoesNotKnow) {
  const TempFolder folder;
  write_plain(folder);
  const auto file = folder.write(kTestLabels, labels({0, 9}));
  expect_refused(folder, {file.string(), "record 1: label is 9, expected 0..2"});
}

}  // namespace
}  // namespace concertina
