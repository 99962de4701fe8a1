// The tensors of a state dict of PyTorch's as those of a net of ours: which is which, by the names
// that the net's layers have there (Layer::module). Not for: reading the file (store).
//
//   convolutions, linear layers     M.weight, M.bias
//   norms of a net of one width     M.weight, M.bias, M.running_mean, M.running_var
//   switchable norms                M.bn.K.weight, ... of the width at place K, ascending
//   universally slimmable norms     M.weight, M.bias shared; M.bn.K.running_mean, .running_var
//
// A layer without such a name is called as it is here. "module." in front of every name, as
// DataParallel puts it, is dropped; num_batches_tracked is not read.
#pragma once

#include <string>
#include <vector>

#include "concertina/experiment/name_map.h"
#include "concertina/nn/flexible_net.h"
#include "concertina/store/state_dict.h"

namespace concertina::experiment {

class ForeignWeights {
 public:
  // `name`: of the file, for messages. Names are as the map makes them.
  ForeignWeights(StateDict state, const NameMap& map, std::string name);

  // How its norms stand to the widths, as far as the names of the net's norms show it.
  NormSharing sharing(const NetSpec& net) const;

  // Copies every tensor into the net, whose widths are calibrated afterwards. Throws DataError that
  // counts and names what the file lacks, what the net lacks, and what has another shape; the net
  // is to be thrown away then.
  void copy_into(FlexibleNet& net) const;

 private:
  struct Slot {
    std::string theirs, ours;
    at::Tensor into;
  };
  const at::Tensor* find(const std::string& theirs) const;
  std::size_t banks(const NetSpec& net) const;
  bool is_counted(const NetSpec& net, std::size_t widths) const;
  std::vector<Slot> slots(const FlexibleNet& net) const;

  std::string name_;
  std::map<std::string, at::Tensor> tensors_;  // by their names
  std::map<std::string, at::Tensor> mapped_;   // by our names, where the map gives one
};

}  // namespace concertina::experiment
