#include "concertina/experiment/choice.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/experiment/preference_file.h"
#include "concertina/recipe/ini.h"
#include "concertina/select/latency_table.h"
#include "concertina/store/run_file.h"

namespace concertina::experiment {

namespace fs = std::filesystem;

ChoiceResult choose_from(const Sweep& sweep, const ChoiceRequest& request) {
  const std::vector<Measurement>& rows = sweep.rows;
  ChoiceResult result;
  result.budget = request.budget;
  result.front = pareto_front(rows, request.axis);
  result.fitting = static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [&](const Measurement& row) { return fits(row, request.budget); }));
  if (request.preferences.empty()) {
    result.choice = choose(rows, request.budget);
    return result;
  }
  const std::string& file = request.preferences;
  Preferred preferred{file, parse_preferences(read_file(file), file, rows), {}};
  preferred.result = choose_preferred(rows, request.budget, preferred.preferences);
  result.choice = preferred.result.ranking.front().row;
  result.preferred = std::move(preferred);
  return result;
}

void take_latencies(const std::string& name, const fs::path& sweep_file, Sweep& sweep) {
  const LatencyTable table = read_latency_table(read_file(name), name);
  const fs::path run = sweep_file.parent_path() / "run.h5";
  std::error_code ignored;
  if (!table.net.empty() && fs::exists(run, ignored)) {
    const std::string net = read_run_summary(run).net.name;
    if (net != table.net) {
      throw DataError(name + ": latencies of net \"" + table.net + "\"; expected \"" + net +
                      "\", as in the run");
    }
  }
  use_latencies(table, name, sweep.rows, sweep.setting);
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
    throw NoInputError("no sub-model is chosen: " + file.string() + " is not there");
  }
  const auto exit = parse_integer(values["choice.exit"]);
  const bool whole = exit && *exit >= 1 && *exit <= 1000 && values.count("choice.width") != 0 &&
                     values.count("measured.run_sha256") != 0;
  if (!whole) {
    throw DataError(file.string() +
                    ": not a choice; expected "
                    "choice.width, choice.exit and measured.run_sha256");
  }
  try {
    return {{Width::parse(values["choice.width"]), static_cast<int>(*exit)},
            values["measured.run_sha256"]};
  } catch (const UsageError& error) {
    throw DataError(file.string() + ": choice." + error.what());
  }
}

}  // namespace concertina::experiment
