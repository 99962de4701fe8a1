// CIFAR-10 and CIFAR-100, "binary version" (https://www.cs.toronto.edu/~kriz/cifar.html): records
// without a header, each one or two label bytes and 3072 pixels, red plane, green plane, blue
// plane.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"

#include "readers.h"

namespace concertina::readers {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPixels = 3 * 32 * 32;

struct LabelByte {
  const char* what;
  std::size_t classes;
};

struct Layout {
  std::string name;
  std::string subfolder;  // as the official archive unpacks
  std::vector<std::string> train, test;
  std::vector<LabelByte> label_bytes;
  std::size_t label;       // which of the label bytes is the class
  std::string names_file;  // one class name a line; may be missing
};

Layout cifar10_layout() {
  return {"cifar10",
          "cifar-10-batches-bin",
          {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
           "data_batch_5.bin"},
          {"test_batch.bin"},
          {{"label", 10}},
          0,
          "batches.meta.txt"};
}

Layout cifar100_layout(std::string name, std::size_t label, std::string names_file) {
  return {std::move(name),
          "cifar-100-binary",
          {"train.bin"},
          {"test.bin"},
          {{"coarse label", 20}, {"fine label", 100}},
          label,
          std::move(names_file)};
}

// False, not an exception, for a folder that may not be searched or a name that is too long.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Missing files are looked for before anything is read, so that one message names them all.
std::vector<std::string> missing_files(const Layout& layout, const fs::path& folder) {
  std::vector<std::string> missing;
  for (const auto& names : {layout.train, layout.test})
    for (const auto& name : names)
      if (!is_file(folder / name)) missing.push_back(name);
  return missing;
}

fs::path find_folder(const Layout& layout, const fs::path& given) {
  const auto missing = missing_files(layout, given);
  if (missing.empty()) return given;
  const auto missing_below = missing_files(layout, given / layout.subfolder);
  if (missing_below.empty()) return given / layout.subfolder;
  const bool below = missing_below.size() < missing.size();
  const fs::path nearer = below ? given / layout.subfolder : given;
  throw NoInputError(layout.name + ": " + nearer.string() + " has no " +
                     join(below ? missing_below : missing, ", ") + " (looked in " + given.string() +
                     " and its " + layout.subfolder + ")");
}

std::size_t record_size(const Layout& layout) { return layout.label_bytes.size() + kPixels; }

std::string read_records(const Layout& layout, const fs::path& file) {
  auto bytes = read_file(file);
  const std::size_t size = record_size(layout), records = bytes.size() / size;
  if (bytes.empty())
    throw DataError(file.string() + ": file is empty, expected records of " + std::to_string(size) +
                    " bytes");
  if (bytes.size() % size != 0)
    throw DataError(file.string() + ": record " + std::to_string(records) + " has " +
                    std::to_string(bytes.size() % size) + " bytes, expected " +
                    std::to_string(size) + " (file is cut off or of another kind)");
  return bytes;
}

void check_labels(const Layout& layout, const fs::path& file, const std::string& bytes) {
  const std::size_t size = record_size(layout);
  for (std::size_t record = 0; record < bytes.size() / size; ++record)
    for (std::size_t i = 0; i < layout.label_bytes.size(); ++i) {
      const auto value = static_cast<unsigned char>(bytes[record * size + i]);
      if (value >= layout.label_bytes[i].classes)
        throw DataError(file.string() + ": record " + std::to_string(record) + ": " +
                        layout.label_bytes[i].what + " is " + std::to_string(value) +
                        ", expected 0.." + std::to_string(layout.label_bytes[i].classes - 1));
    }
}

std::string read_all(const Layout& layout, const fs::path& folder,
                     const std::vector<std::string>& names) {
  std::string all;
  for (const auto& name : names) {
    const auto bytes = read_records(layout, folder / name);
    check_labels(layout, folder / name, bytes);
    all += bytes;
  }
  return all;
}

Split read_split(const Layout& layout, const fs::path& folder,
                 const std::vector<std::string>& names) {
  const auto bytes = read_all(layout, folder, names);
  const std::size_t size = record_size(layout), count = bytes.size() / size;
  Split split{at::empty({static_cast<std::int64_t>(count), 3, 32, 32}, at::kByte),
              at::empty({static_cast<std::int64_t>(count)}, at::kLong)};
  auto* images = split.images.data_ptr<std::uint8_t>();
  auto* labels = split.labels.data_ptr<std::int64_t>();
  for (std::size_t i = 0; i < count; ++i) {
    const char* record = bytes.data() + i * size;
    labels[i] = static_cast<unsigned char>(record[layout.label]);
    std::memcpy(images + i * kPixels, record + layout.label_bytes.size(), kPixels);
  }
  return split;
}

std::vector<std::string> numbers(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

std::vector<std::string> class_names(const Layout& layout, const fs::path& folder) {
  const std::size_t classes = layout.label_bytes[layout.label].classes;
  const fs::path file = folder / layout.names_file;
  if (!is_file(file)) return numbers(classes);
  const auto names = words(read_file(file));
  if (names.size() != classes)
    throw DataError(file.string() + ": " + std::to_string(names.size()) +
                    " class names, expected " + std::to_string(classes));
  return names;
}

Dataset read(const Layout& layout, const std::string& given) {
  const fs::path folder = find_folder(layout, given);
  return {layout.name, class_names(layout, folder), read_split(layout, folder, layout.train),
          read_split(layout, folder, layout.test)};
}

}  // namespace

Dataset cifar10(const std::string& folder) { return read(cifar10_layout(), folder); }

Dataset cifar100(const std::string& folder) {
  return read(cifar100_layout("cifar100", 1, "fine_label_names.txt"), folder);
}

Dataset cifar100_coarse(const std::string& folder) {
  return read(cifar100_layout("cifar100-coarse", 0, "coarse_label_names.txt"), folder);
}

}  // namespace concertina::readers
