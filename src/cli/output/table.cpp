#include "output/table.h"

#include <algorithm>
#include <utility>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::cli {

TextTable::TextTable(std::vector<std::string> titles) {
  for (std::string& title : titles) {
    const bool right = !title.empty() && title.front() == '>';
    right_.push_back(right);
    if (right) title.erase(0, 1);
  }
  rows_.push_back(std::move(titles));
}

void TextTable::add(std::vector<std::string> row) {
  if (row.size() != right_.size()) {
    throw ProgrammingError("table row: " + std::to_string(row.size()) + " cells; expected " +
                           std::to_string(right_.size()));
  }
  rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
  std::vector<std::size_t> sizes(right_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t k = 0; k < row.size(); ++k) sizes[k] = std::max(sizes[k], row[k].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t k = 0; k < row.size(); ++k) {
      const std::string space(sizes[k] - row[k].size(), ' ');
      line += (k == 0 ? "" : "  ") + (right_[k] ? space + row[k] : row[k] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string TextTable::markdown() const {
  const auto line = [](const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + join(split(cell, '|'), "\\|") + " |";
    return text + "\n";
  };
  std::string text = line(rows_.front()) + "|";
  for (const bool right : right_) text += right ? "---:|" : "---|";
  text += "\n";
  for (std::size_t k = 1; k < rows_.size(); ++k) text += line(rows_[k]);
  return text;
}

}  // namespace concertina::cli
