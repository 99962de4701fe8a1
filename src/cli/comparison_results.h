// A comparison as JSON, as a table for the terminal and as Markdown, and the files that hold them.
#pragma once

#include <filesystem>
#include <string>

#include "comparison.h"
#include "results.h"

namespace concertina::cli {

Json comparison_json(const Comparison& comparison);
std::string comparison_text(const Comparison& comparison);
std::string comparison_markdown(const Comparison& comparison);
// compare.json and compare.md in `folder`, each replaced as a whole. Throws IoError.
void write_comparison(const Comparison& comparison, const std::filesystem::path& folder);

}  // namespace concertina::cli
