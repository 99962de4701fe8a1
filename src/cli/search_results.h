// What a search found, as a table and as JSON.
#pragma once

#include <filesystem>
#include <vector>

#include "concertina/select/select.h"
#include "concertina/store/search_file.h"
#include "concertina/store/sweep_file.h"

#include "options.h"

namespace concertina::cli {

struct Found {
  Budget budget;
  std::size_t tried, fitting;
  Measurement choice;              // by the images that guided
  std::vector<Measurement> guide;  // the front, by the same
  Sweep sweep;                     // the front as measured at last
};

void print_found(const Found& found, const EvaluationSetting& guide);
void print_found_json(const Found& found, const EvaluationSetting& guide, const Options& options,
                      const std::filesystem::path& archive, const std::filesystem::path& sweep);

}  // namespace concertina::cli
