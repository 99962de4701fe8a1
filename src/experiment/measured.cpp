#include "concertina/experiment/measured.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/experiment/run_folder.h"
#include "concertina/experiment/sweep.h"
#include "concertina/store/sweep_file.h"

namespace concertina::experiment {
namespace {

namespace fs = std::filesystem;

Measurement row_of(const NetSpec& net, const Subnet& subnet, double accuracy, double loss) {
  Measurement row = unmeasured(net, subnet);
  row.accuracy = accuracy;
  row.loss = loss;
  return row;
}

Measured of_best(const RunState& state) {
  Measured measured;
  measured.setting.split = "validation";
  measured.setting.images = state.data.validation_images;
  for (const SubnetState& one : state.submodels) {
    if (!one.best) continue;
    measured.rows.push_back(row_of(state.net, one.subnet, one.best->accuracy, one.best->loss));
  }
  return measured;
}

// The last evaluation of every sub-model, on the split that was evaluated last.
Measured of_evaluations(const RunState& state) {
  Measured measured;
  if (state.evaluations.empty()) return measured;
  const std::string& split = state.evaluations.back().split;
  measured.setting.split = split;
  measured.setting.images = split == "test" ? state.data.test_images : state.data.validation_images;
  for (const SubnetState& one : state.submodels) {
    const auto newest = newest_evaluation(state, subnet_id(state.net, one.subnet), split);
    if (!newest) continue;
    measured.rows.push_back(row_of(state.net, one.subnet, newest->accuracy, newest->loss));
  }
  return measured;
}

}  // namespace

Measurement Measured::row(const NetSpec& net, const Subnet& subnet) const {
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const Measurement& row) { return row.subnet == subnet; });
  return found == rows.end() ? unmeasured(net, subnet) : *found;
}

Measured measured_of_run(const RunState& state, const fs::path& folder,
                         const std::string& run_sha256, bool best) {
  try {
    Sweep sweep = read_sweep(folder / sweep_name(best));
    if (sweep.setting.run_sha256 == run_sha256) return {sweep.setting, std::move(sweep.rows)};
  } catch (const NoInputError&) {  // never swept
  }
  Measured measured = best ? of_best(state) : of_evaluations(state);
  measured.setting.run_sha256 = run_sha256;
  return measured;
}

}  // namespace concertina::experiment
