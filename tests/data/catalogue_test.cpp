#include "concertina/data/catalogue.h"

#include <set>

#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "data/expect_error.h"

namespace concertina {
namespace {

TEST(DatasetCatalogue, NamesAreUniqueAndDescribed) {
  std::set<std::string> names;
  for (const auto& entry : dataset_catalogue()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_FALSE(entry.summary.empty()) << entry.name;
  }
  EXPECT_EQ(names,
            (std::set<std::string>{"cifar10", "cifar100", "cifar100-coarse", "idx", "shapes"}));
}

TEST(DatasetCatalogue, UnknownNameNamesTheNearest) {
  expect_error<UsageError>("cifar01:/x", {"unknown dataset \"cifar01\"", "cifar10", "shapes"});
  expect_error<UsageError>("", {"unknown dataset \"\""});
}

TEST(DatasetCatalogue, EveryReaderOfFilesNeedsAFolder) {
  for (const auto& entry : dataset_catalogue()) {
    if (!entry.needs_path) continue;
    expect_error<UsageError>(entry.name, {"names no folder", entry.name + ":FOLDER"});
    expect_error<UsageError>(entry.name + ":", {"names no folder"});
    expect_error<NoInputError>(entry.name + ":/no/such/place", {"/no/such/place has no "});
    expect_error<NoInputError>(entry.name + ":" + std::string(5000, 'x'), {"x has no "});
  }
}

TEST(DatasetCatalogue, ShapesTakesNoFolder) {
  expect_error<UsageError>("shapes:/tmp", {"\"shapes:/tmp\" names a folder"});
}

}  // namespace
}  // namespace concertina
