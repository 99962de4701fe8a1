// Accuracy and loss of single sub-models, from a run's last state or from their best checkpoints.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "concertina/eval/evaluate.h"
#include "concertina/train/run_state.h"

namespace concertina::experiment {

class Scorer {
 public:
  Scorer(const RunState& state, const Recipe& recipe, at::Device device, bool best);

  // Best checkpoints have statistics of their own.
  bool can_score(Width width) const { return best_ || net_.is_calibrated(width); }
  // Calibrates a width that the run lacks, so that it can be scored; the run stays as it is.
  void calibrate(Width width, const PreparedData& data);
  // Frees what a width needed: FlexibleNet::forget. Its scores stay.
  void forget(Width width) { net_.forget(width); }
  // Nothing when `progress` asked to stop. All exits of a width are computed with the first of
  // them.
  std::optional<Score> score(const Subnet& subnet, const EvalLoader& loader,
                             const EvalProgress& progress);
  // The sub-model as it ships.
  FlexibleNet small_net(const Subnet& subnet) const;

 private:
  const SubnetState& submodel(const Subnet& subnet) const;

  const RunState& state_;
  const Recipe& recipe_;
  at::Device device_;
  bool best_;
  FlexibleNet net_;
  std::vector<Score> known_;
};

}  // namespace concertina::experiment
