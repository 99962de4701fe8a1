// Files of every release are read for ever: golden/VERSION/ holds files that it wrote, and beside
// each what it read from them.
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "facts.h"

namespace concertina {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(CONCERTINA_SOURCE_DIR) / "tests/store/golden";

std::string expected(const fs::path& file) {
  std::ifstream stream(fs::path(file).replace_extension(".txt"));
  return {std::istreambuf_iterator<char>(stream), {}};
}

template <class Read>
void expect_read(const char* name, const Read& read) {
  std::size_t versions = 0;
  for (const auto& version : fs::directory_iterator(kGolden)) {
    const fs::path file = version.path() / name;
    if (!version.is_directory() || !fs::exists(file)) continue;
    ++versions;
    EXPECT_EQ(store_test::facts(read(file)), expected(file)) << file;
  }
  EXPECT_GE(versions, 1U);
}

TEST(OldFiles, OfRunsAreRead) {
  expect_read("run.h5", [](const fs::path& file) { return read_run(file); });
}

TEST(OldFiles, OfSweepsAreRead) {
  expect_read("sweep.h5", [](const fs::path& file) { return read_sweep(file); });
}

TEST(OldFiles, OfSearchesAreRead) {
  expect_read("search.h5", [](const fs::path& file) { return read_search(file); });
}

TEST(OldFiles, OfModelsAreRead) {
  expect_read("model.h5", [](const fs::path& file) { return read_model(file); });
}

}  // namespace
}  // namespace concertina
