// A table of text with aligned columns.
#pragma once

#include <string>
#include <vector>

namespace concertina::cli {

class TextTable {
 public:
  // A title that begins with '>' makes a column right-aligned, as numbers are.
  explicit TextTable(std::vector<std::string> titles);
  void add(std::vector<std::string> row);  // as many cells as titles
  std::string text() const;                // lines with no space at their ends
  std::string markdown() const;            // a table of Markdown

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // the titles first
};

}  // namespace concertina::cli
