#include "concertina/data/catalog.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "readers.h"

namespace concertina {
namespace {

const DatasetEntry& find_entry(const std::string& name) {
  const auto& entries = dataset_catalog();
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const DatasetEntry& entry) { return entry.name == name; });
  if (found != entries.end()) return *found;
  std::vector<std::string> known;
  for (const auto& entry : entries) known.push_back(entry.name);
  throw UsageError(unknown_message("dataset", name, known));
}

}  // namespace

const std::vector<DatasetEntry>& dataset_catalog() {
  static const std::vector<DatasetEntry> entries = {
      {"cifar10", "CIFAR-10, official binary files; 10 classes, 3x32x32", true, readers::cifar10},
      {"cifar100", "CIFAR-100, official binary files; 100 fine classes, 3x32x32", true,
       readers::cifar100},
      {"cifar100-coarse", "CIFAR-100 with its 20 coarse classes", true, readers::cifar100_coarse},
      {"idx", "MNIST, Fashion-MNIST and the like; IDX files, plain or .gz", true, readers::idx},
      {"shapes", "generated, needs no file; 10 classes of cluttered shapes, 3x32x32", false,
       readers::shapes},
  };
  return entries;
}

Dataset read_dataset(const std::string& argument) {
  const auto colon = argument.find(':');
  const std::string name = argument.substr(0, colon);
  const std::string path = colon == std::string::npos ? "" : argument.substr(colon + 1);
  const auto& entry = find_entry(name);
  if (entry.needs_path && path.empty())
    throw UsageError("dataset \"" + argument + "\" names no folder, expected " + name + ":FOLDER");
  if (!entry.needs_path && colon != std::string::npos)
    throw UsageError("dataset \"" + argument + "\" names a folder, expected " + name + " alone");
  return entry.read(path);
}

}  // namespace concertina
