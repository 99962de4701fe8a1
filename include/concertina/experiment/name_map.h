// A file that says which name of a state dict is which of ours.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace concertina::experiment {

class NameMap {
 public:
  NameMap() = default;  // changes nothing
  // Lines "THEIRS = OURS"; "#" begins a comment. Where THEIRS ends in a dot it stands for the
  // beginning of names and is replaced by OURS, which may be empty: "backbone. =". Otherwise it is
  // one tensor, and OURS is a tensor as in run.h5 ("stem.conv/weight",
  // "w0.500/stem.norm/running_mean"), or empty: not wanted. Throws NoInputError, IoError, and
  // DataError with file and line.
  explicit NameMap(const std::string& file);

  // The name with the first beginning that fits replaced.
  std::string renamed(const std::string& theirs) const;
  // Our name of one tensor as the file gives it; "" = not wanted.
  std::optional<std::string> ours(const std::string& theirs) const;
  // Names of single tensors.
  const std::map<std::string, std::string>& tensors() const { return tensors_; }

 private:
  std::vector<std::pair<std::string, std::string>> beginnings_;
  std::map<std::string, std::string> tensors_;
};

}  // namespace concertina::experiment
