// A comparison as JSON, as a table for the terminal and as Markdown, and the files that hold them.
#pragma once

#include <filesystem>
#include <string>

#include "concertina/experiment/comparison.h"

#include "output/results.h"

namespace concertina::cli {

Json comparison_json(const experiment::Comparison& comparison);
std::string comparison_text(const experiment::Comparison& comparison);
std::string comparison_markdown(const experiment::Comparison& comparison);
// compare.json and compare.md in `folder`, each replaced as a whole. Throws IoError.
void write_comparison(const experiment::Comparison& comparison,
                      const std::filesystem::path& folder);

}  // namespace concertina::cli
