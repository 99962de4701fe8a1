// Which widths a search may try: a share a stage out of a grid, each network once. Torch-free.
// Not for: what they are worth (select/search.h).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "concertina/spec/measurement.h"
#include "concertina/spec/net_spec.h"

namespace concertina {

// One choice a stage: an index into SearchSpace::shares, 0 being the narrowest.
using Choices = std::vector<int>;

class SearchSpace {
 public:
  // The grid of a stage reaches from the least share that one of `trained` has there up to the
  // full one, in steps of `step` thousandths, with the shares of `trained` besides. Of shares that
  // give the stage the same channels after rounding one stays, so different choices are different
  // networks. Only stages that reach `exit` count. Throws UsageError when `exit` is not in
  // 1..exit_count(), `step` not in 1..1000, or one of `trained` has fewer bits.
  SearchSpace(NetSpec net, int exit, const std::vector<Width>& trained, int step);

  int stages() const { return static_cast<int>(shares_.size()); }
  int options(int stage) const { return static_cast<int>(shares_[at(stage)].size()); }
  double size() const;  // networks
  Choices widest() const;
  Choices narrowest() const { return Choices(shares_.size(), 0); }
  // Choices with one fraction everywhere, ascending.
  const std::vector<Choices>& uniform() const { return uniform_; }

  // Its id, width, exit and cost; accuracy and loss 0, the latencies NaN: not measured.
  Measurement describe(const Choices& choices) const;

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  void add_stage(int stage, const std::vector<int>& full, const std::vector<int>& grid);
  void add_uniform(int share);

  NetSpec net_;
  int exit_;
  std::vector<std::vector<int>> shares_;  // a stage: thousandths, ascending
  // A stage, share of the grid -> index into shares_ of the share that gives the same channels.
  std::vector<std::map<int, int>> same_;
  std::vector<Choices> uniform_;
  std::map<Choices, int> uniform_share_;
};

}  // namespace concertina
