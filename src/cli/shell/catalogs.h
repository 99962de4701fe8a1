// Lists what a command line can name: networks, recipes and data sets.
#pragma once

#include <string>
#include <vector>

namespace concertina::cli {

struct Entry {
  std::string name;
  std::string summary;
};

std::vector<Entry> nets();
std::vector<Entry> recipes();  // of the folder that --recipe looks in
std::vector<Entry> data_sets();

}  // namespace concertina::cli
