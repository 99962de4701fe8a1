// concertina select
#include "concertina/select/select.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/experiment/choice.h"
#include "concertina/experiment/sweep.h"
#include "concertina/select/latency_table.h"
#include "concertina/store/run_file.h"
#include "concertina/store/sweep_file.h"

#include "commands/commands.h"
#include "options/budget.h"
#include "options/run_options.h"
#include "output/preference_results.h"
#include "output/results.h"
#include "start.h"

namespace concertina::cli {
namespace {

namespace fs = std::filesystem;

using experiment::ChoiceResult;

std::vector<Option> options() {
  return with(
      {positional("RUN", "the run folder, or a sweep file; choice.ini is written beside it")},
      {cost_options(),
       measured_options(),
       {text_option("prefer", "FILE",
                    "choose by the value that follows from the comparisons in it, instead of the"
                    " most accurate"),
        text_option("latency-table", "FILE",
                    "take the latencies from there: what `concertina bench latency --out"
                    " FILE` wrote on another device"),
        choice_option("axis", {"macs", "params", "bytes", "memory", "latency"},
                      "the cost of the Pareto front", "macs"),
        checkpoint_option(), json_option()}});
}

std::string sweep_line(const std::string& run, bool best) {
  return "concertina sweep " + run + (best ? " --checkpoint best" : "");
}

fs::path sweep_file(const Options& options) {
  const std::string& argument = options.needed("RUN");
  std::error_code ignored;
  if (!fs::is_directory(argument, ignored)) {
    if (fs::exists(argument, ignored)) return argument;
    throw NoInputError("run \"" + argument + "\" is not there; expected a run folder or a sweep");
  }
  const bool best = options.text("checkpoint") == "best";
  const fs::path file = fs::path(argument) / experiment::sweep_name(best);
  if (fs::exists(file, ignored)) return file;
  throw NoInputError("\"" + file.string() + "\" is not there; `" + sweep_line(argument, best) +
                     "` makes it");
}

// A sweep that was interrupted, or one of a run that has changed since, is worth a word.
void warn_of_doubts(const fs::path& file, const Sweep& sweep) {
  const fs::path run = file.parent_path() / "run.h5";
  std::error_code ignored;
  if (!fs::exists(run, ignored)) return;
  const bool best = file.filename() == experiment::sweep_name(true);
  const std::string again =
      "; `" + sweep_line(experiment::folder_of_run(file.string()), best) + "` measures it";
  if (file_sha256(run) != sweep.setting.run_sha256) {
    log_warn("the run has changed since its sweep" + again);
    return;
  }
  const RunState state = read_run_summary(run);
  std::size_t all = 0, measured = 0;
  for (const SubnetState& one : state.submodels) {
    if (!experiment::is_measurable(state, one, best)) continue;
    ++all;
    measured += std::any_of(sweep.rows.begin(), sweep.rows.end(),
                            [&](const Measurement& row) { return row.subnet == one.subnet; });
  }
  const bool of_other_widths = measured < sweep.rows.size();  // sweep --widths, on purpose
  if (measured < all && !of_other_widths) {
    log_warn("the sweep has " + std::to_string(measured) + " of the " + std::to_string(all) +
             " sub-models that can be measured" + again);
  }
}

std::string why(const ChoiceResult& answer, const Sweep& sweep) {
  const std::string best =
      answer.preferred ? "worth most by " + answer.preferred->file : "the most accurate";
  const std::string all = std::to_string(sweep.rows.size());
  if (answer.budget.empty()) return best + " of " + all + " sub-models; no budget given";
  return best + " of the " + std::to_string(answer.fitting) + " of " + all +
         " sub-models that fit " + answer.budget.text();
}

void print_text(const ChoiceResult& answer, const Sweep& sweep, const std::string& axis) {
  const Measurement& row = answer.choice;
  std::cout << "choice: " << row.id << ", " << why(answer, sweep) << "\n\n"
            << measurement_table({row}, sweep.setting);
  if (answer.preferred) std::cout << "\n" << preferences_text(*answer.preferred);
  std::cout << "\nPareto front, accuracy against " << axis << ":\n"
            << measurement_table(answer.front, sweep.setting);
}

void print_answer(const ChoiceResult& answer, const Sweep& sweep, const fs::path& file,
                  const Options& options) {
  if (!options.flag("json")) return print_text(answer, sweep, options.text("axis"));
  Json json = {{"choice", measurement_json(answer.choice)},
               {"why", why(answer, sweep)},
               {"budget", answer.budget.text()},
               {"file", file.string()},
               {"axis", options.text("axis")},
               {"setting", setting_json(sweep.setting)},
               {"pareto", measurements_json(answer.front)}};
  if (answer.preferred) json["preferences"] = preferences_json(*answer.preferred);
  print_json(json);
}

ChoiceResult choose_by(const Sweep& sweep, const Budget& budget, const Options& options) {
  ChoiceResult result = experiment::choose_from(
      sweep, {budget, parse_cost_axis(options.text("axis")), options.text("prefer")});
  if (result.preferred) warn_of_preferences(*result.preferred);
  return result;
}

int run(const Options& options) {
  const Budget budget = whole_budget(options);
  const fs::path file = sweep_file(options);
  Sweep sweep = read_sweep(file);
  warn_of_doubts(file, sweep);
  if (options.given("latency-table")) {
    experiment::take_latencies(options.text("latency-table"), file, sweep);
  }
  const ChoiceResult answer = choose_by(sweep, budget, options);
  const fs::path choice = file.parent_path() / "choice.ini";
  const std::string name = fs::absolute(file).lexically_normal().parent_path().filename();
  std::string text = choice_text(answer.choice, budget, sweep.setting, name);
  if (answer.preferred) text += preferences_ini(*answer.preferred);
  replace_file(choice, {text});
  print_answer(answer, sweep, choice, options);
  return 0;
}

}  // namespace

Command select_command() {
  return {"select",
          "the sub-model that fits: the most accurate in a budget, or by preferences",
          options(),
          {"concertina select runs/mb1 --max-macs 15M --max-latency 4ms",
           "concertina select runs/mb1 --prefer prefs.ini"},
          &run};
}

}  // namespace concertina::cli
