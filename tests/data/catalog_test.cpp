#include "concertina/data/catalog.h"

#include <set>

#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "data/expect_error.h"

namespace concertina {
namespace {

TEST(DatasetCatalog, NamesAreUniqueAndDescribed) {
  std::set<std::string> names;
  for (const auto& entry : dataset_catalog()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"cifar10", "cifar100", "cifar100-coarse", "idx", "shapes"}));
}

TEST(DatasetCatalog, UnknownNameNamesTheNearest) {
  expect_error<UsageError>("cifar01:/x", {"unknown dataset \"cifar01\"", "cifar10", "shapes"});
  expect_error<UsageError>("", {"unknown dataset \"\""});
}

TEST(DatasetCatalog, EveryReaderOfFilesNeedsAFolder) {
  for (const auto& entry : dataset_catalog()) {
    if (!entry.needs_path) continue;
    expect_error<UsageError>(entry.name, {"names no folder", entry.name + ":FOLDER"});
    expect_error<UsageError>(entry.name + ":", {"names no folder"});
    expect_error<NoInputError>(entry.name + ":/no/such/place", {"/no/such/place has no "});
    expect_error<NoInputError>(entry.name + ":" + std::string(5000, 'x'), {"x has no "});
  }
}

TEST(DatasetCatalog, ShapesTakesNoFolder) {
  expect_error<UsageError>("shapes:/tmp", {"\"shapes:/tmp\" names a folder"});
}

}  // namespace
}  // namespace concertina
