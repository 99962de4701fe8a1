#include "measured.h"

#include <algorithm>
#include <map>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/experiment/sweep.h"
#include "concertina/recipe/ini.h"
#include "concertina/store/sweep_file.h"

#include "run_options.h"

namespace concertina::cli {
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
    const auto newest =
        experiment::newest_evaluation(state, subnet_id(state.net, one.subnet), split);
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
    Sweep sweep = read_sweep(folder / experiment::sweep_name(best));
    if (sweep.setting.run_sha256 == run_sha256) return {sweep.setting, std::move(sweep.rows)};
  } catch (const NoInputError&) {  // never swept
  }
  Measured measured = best ? of_best(state) : of_evaluations(state);
  measured.setting.run_sha256 = run_sha256;
  return measured;
}

Choice read_choice(const fs::path& file) {
  std::map<std::string, std::string> values;
  try {
    for (const IniEntry& entry : parse_ini(read_file(file), file.string())) {
      values[entry.section + "." + entry.key] = entry.value;
    }
  } catch (const UsageError& error) {
    throw DataError(error.what());
  } catch (const NoInputError&) {
    throw UsageError(
        "which sub-model? expected --width, --submodel or --all-widths, or a choice "
        "by `concertina select`: " +
        file.string() + " is not there");
  }
  const auto exit = parse_integer(values["choice.exit"]);
  const bool whole = exit && *exit >= 1 && *exit <= 1000 && values.count("choice.width") != 0 &&
                     values.count("measured.run_sha256") != 0;
  if (!whole) {
    throw DataError(file.string() +
                    ": not what `concertina select` writes; expected "
                    "choice.width, choice.exit and measured.run_sha256");
  }
  try {
    return {{Width::parse(values["choice.width"]), static_cast<int>(*exit)},
            values["measured.run_sha256"]};
  } catch (const UsageError& error) {
    throw DataError(file.string() + ": choice." + error.what());
  }
}

}  // namespace concertina::cli
