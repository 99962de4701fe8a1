// The datasets that --data can name, as one table that can be grepped.
#pragma once

#include <string>
#include <vector>

#include "concertina/feed/dataset.h"

namespace concertina {

struct DatasetEntry {
  std::string name;
  std::string summary;
  bool needs_path;
  Dataset (*read)(const std::string& path);
};
const std::vector<DatasetEntry>& dataset_catalog();

// "cifar10:DIR", "cifar100:DIR", "cifar100-coarse:DIR", "idx:DIR", "shapes". Throws UsageError for
// an unknown name (with the nearest) or a missing path, NoInputError for a missing file, DataError
// naming file, offset and what was found for a damaged one.
Dataset read_dataset(const std::string& argument);

}  // namespace concertina
