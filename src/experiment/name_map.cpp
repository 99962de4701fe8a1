#include "concertina/experiment/name_map.h"

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"

namespace concertina::experiment {

NameMap::NameMap(const std::string& file) {
  int number = 0;
  for (const std::string& line : split(read_file(file), '\n')) {
    ++number;
    const std::string text(trim(line.substr(0, line.find('#'))));
    if (text.empty()) continue;
    const std::size_t equals = text.find('=');
    const std::string theirs(trim(text.substr(0, equals)));
    const std::string where = file + ":" + std::to_string(number) + ": ";
    if (equals == std::string::npos || theirs.empty()) {
      throw DataError(where + "\"" + text + "\"; expected THEIR_NAME = OUR_NAME");
    }
    const std::string ours(trim(text.substr(equals + 1)));
    if (theirs.back() == '.') {
      beginnings_.emplace_back(theirs, ours);
    } else if (!tensors_.emplace(theirs, ours).second) {
      throw DataError(where + "\"" + theirs + "\" stands twice");
    }
  }
}

std::string NameMap::renamed(const std::string& theirs) const {
  for (const auto& [from, to] : beginnings_) {
    if (theirs.compare(0, from.size(), from) == 0) return to + theirs.substr(from.size());
  }
  return theirs;
}

std::optional<std::string> NameMap::ours(const std::string& theirs) const {
  const auto found = tensors_.find(theirs);
  if (found == tensors_.end()) return std::nullopt;
  return found->second;
}

}  // namespace concertina::experiment
