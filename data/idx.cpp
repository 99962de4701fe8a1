// IDX files of MNIST and its relatives (http://yann.lecun.com/exdb/mnist/): a big-endian magic
// number and sizes, then bytes. zlib reads plain and .gz files alike.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <zlib.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "readers.h"

namespace concertina::readers {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kLabelMagic = 0x0801;  // unsigned bytes, one dimension
constexpr std::uint32_t kImageMagic = 0x0803;  // unsigned bytes, three dimensions

// Deflate cannot make a file smaller than about 1/1032, so a header that asks for more than this
// many times the file's size is wrong, and no memory is taken for it.
constexpr std::uint64_t kMostExpansion = 1040;

// A file of bytes read from front to back; every error names the file and the offset.
class ByteFile {
 public:
  explicit ByteFile(fs::path path)
      : path_(std::move(path)), file_(gzopen(path_.c_str(), "rb"), gzclose_r) {
    if (!file_) throw IoError(path_.string() + ": cannot open: " + std::strerror(errno));
    const std::uint64_t size = fs::file_size(path_);
    most_ = gzdirect(file_.get()) != 0 ? size : size * kMostExpansion;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataError(path_.string() + ": " + what);
  }

  void read(void* out, std::uint64_t count, const std::string& what) {
    auto* bytes = static_cast<char*>(out);
    for (std::uint64_t got = 0; got < count;) {
      const auto want = static_cast<unsigned>(std::min<std::uint64_t>(count - got, 1U << 20U));
      const int n = gzread(file_.get(), bytes + got, want);
      if (n < 0) fail_damaged();
      if (n == 0)
        fail("file ends at offset " + std::to_string(offset_ + got) + " inside its " + what +
             ", expected " + std::to_string(offset_ + count) + " bytes");
      got += static_cast<std::uint64_t>(n);
    }
    offset_ += count;
  }

  std::uint32_t read_number(const std::string& what) {
    std::array<std::uint8_t, 4> b{};
    read(b.data(), b.size(), what);
    return (std::uint32_t{b[0]} << 24U) | (std::uint32_t{b[1]} << 16U) |
           (std::uint32_t{b[2]} << 8U) | b[3];
  }

  void expect_room_for(std::uint64_t count, const std::string& what) const {
    if (count > most_)
      fail("header asks for " + std::to_string(count) + " bytes of " + what +
           ", expected at most the " + std::to_string(most_) + " that the file can hold");
  }

  // Also where zlib compares the checksum of a .gz file.
  void expect_end() {
    char extra = 0;
    const int n = gzread(file_.get(), &extra, 1);
    if (n <= 0 && why_not().code != Z_OK) fail_damaged();
    if (n > 0) fail("more bytes at offset " + std::to_string(offset_) + ", expected the end");
  }

 private:
  struct Reason {
    int code;
    std::string text;
  };

  Reason why_not() const {
    Reason reason{};
    reason.text = gzerror(file_.get(), &reason.code);
    const auto colon = reason.text.rfind(": ");  // zlib puts the path in front
    if (colon != std::string::npos) reason.text.erase(0, colon + 2);
    return reason;
  }

  [[noreturn]] void fail_damaged() const {
    fail("damaged at or after offset " + std::to_string(offset_) + ": " + why_not().text);
  }

  fs::path path_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file_;
  std::uint64_t most_ = 0;
  std::uint64_t offset_ = 0;
};

std::string hex(std::uint32_t value) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 0xFU];
  return text;
}

void expect_magic(ByteFile& file, std::uint32_t expected, const std::string& kind) {
  const auto magic = file.read_number("header");
  if (magic != expected)
    file.fail("offset 0: magic number is " + hex(magic) + ", expected " + hex(expected) + " (" +
              kind + ")");
}

// Up to 65536, so that the product of three cannot overflow 64 bits.
std::int64_t read_side(ByteFile& file, const std::string& what) {
  const auto value = file.read_number("header");
  if (value == 0 || value > 65536)
    file.fail("header: " + what + " is " + std::to_string(value) + ", expected 1..65536");
  return value;
}

std::int64_t read_count(ByteFile& file) {
  const auto value = file.read_number("header");
  if (value == 0 || value > 0x7FFFFFFFU)
    file.fail("header: number of items is " + std::to_string(value) + ", expected 1..2147483647");
  return value;
}

at::Tensor read_images(const fs::path& path) {
  ByteFile file(path);
  expect_magic(file, kImageMagic, "images");
  const auto count = read_count(file);
  const auto height = read_side(file, "height");
  const auto width = read_side(file, "width");
  const auto bytes = static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(height * width);
  file.expect_room_for(bytes, "pixels");
  auto images = at::empty({count, 1, height, width}, at::kByte);
  file.read(images.data_ptr(), bytes, "pixels");
  file.expect_end();
  return images;
}

at::Tensor read_labels(const fs::path& path) {
  ByteFile file(path);
  expect_magic(file, kLabelMagic, "labels");
  const auto count = read_count(file);
  file.expect_room_for(static_cast<std::uint64_t>(count), "labels");
  const auto labels = at::empty({count}, at::kByte);
  file.read(labels.data_ptr(), static_cast<std::uint64_t>(count), "labels");
  file.expect_end();
  return labels.to(at::kLong);
}

struct Pair {
  std::string images, labels;
};

const Pair kTrain{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"};
const Pair kTest{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

// "" when there is neither the plain file nor the .gz one.
fs::path find_file(const fs::path& folder, const std::string& name) {
  for (const auto& candidate : {folder / name, folder / (name + ".gz")})
    if (std::error_code ignored; fs::is_regular_file(candidate, ignored)) return candidate;
  return {};
}

void expect_files(const fs::path& folder) {
  std::vector<std::string> missing;
  for (const auto& name : {kTrain.images, kTrain.labels, kTest.images, kTest.labels})
    if (find_file(folder, name).empty()) missing.push_back(name);
  if (!missing.empty())
    throw NoInputError("idx: " + folder.string() + " has no " + join(missing, ", ") +
                       " (looked for each as it is and with .gz)");
}

Split read_split(const fs::path& folder, const Pair& names) {
  const auto label_file = find_file(folder, names.labels);
  Split split{read_images(find_file(folder, names.images)), read_labels(label_file)};
  if (split.images.size(0) != split.labels.size(0))
    throw DataError(label_file.string() + ": " + std::to_string(split.labels.size(0)) +
                    " labels, expected " + std::to_string(split.images.size(0)) +
                    ", as many as images");
  return split;
}

// The format does not say how many classes there are: the training labels do.
std::int64_t count_classes(const Split& train) {
  return train.labels.max().item<std::int64_t>() + 1;
}

void expect_labels_below(std::int64_t classes, const Split& split, const fs::path& file) {
  const auto* labels = split.labels.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < split.size(); ++i)
    if (labels[i] >= classes)
      throw DataError(file.string() + ": record " + std::to_string(i) + ": label is " +
                      std::to_string(labels[i]) + ", expected 0.." + std::to_string(classes - 1) +
                      " as in " + kTrain.labels);
}

}  // namespace

Dataset idx(const std::string& folder) {
  expect_files(folder);
  Dataset dataset{"idx", {}, read_split(folder, kTrain), read_split(folder, kTest)};
  const auto classes = count_classes(dataset.train);
  expect_labels_below(classes, dataset.test, find_file(folder, kTest.labels));
  for (std::int64_t i = 0; i < classes; ++i) dataset.classes.push_back(std::to_string(i));
  return dataset;
}

}  // namespace concertina::readers
