#include "commands/eval_budgeted.h"

#include <iostream>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/experiment/early_exit.h"

#include "options/run_options.h"
#include "output/results.h"
#include "output/table.h"
#include "output/watch_line.h"

namespace concertina::cli {
namespace {

void check_options(const RunState& state, const Options& options) {
  if (state.net.exit_count() == 1) {
    throw UsageError("--budgeted: net \"" + state.net.name + "\" has one exit; expected several");
  }
  if (options.text("checkpoint") == "best") {
    throw UsageError("--budgeted takes the net as the run left it; expected --checkpoint last");
  }
  for (const char* other : {"submodel", "fail", "attack"}) {
    if (!options.given(other)) continue;
    throw UsageError(std::string("--budgeted and --") + other + " exclude each other" +
                     options.see_help());
  }
  if (options.text("split") == "validation") {
    throw UsageError(
        "--budgeted fits its thresholds on the validation images; expected another "
        "--split");
  }
  if (state.data.validation_images == 0) {
    throw UsageError(
        "--budgeted: the run holds no validation images back to fit thresholds on; "
        "train with --validation N");
  }
}

using Curve = experiment::BudgetedCurve;

Json policy_json(const ExitPolicy& used, const ExitPolicy& fitted) {
  Json thresholds = Json::array();
  for (const float threshold : used.thresholds) {
    thresholds.push_back(threshold < kNobodyLeaves ? Json(threshold) : Json());
  }
  return {{"average_macs", used.average_macs},
          {"accuracy", used.accuracy},
          {"shares", used.shares},
          {"thresholds", thresholds},
          {"validation", {{"average_macs", fitted.average_macs}, {"accuracy", fitted.accuracy}}}};
}

void print_json_of(const std::vector<Curve>& curves, const RunState& state, std::int64_t images,
                   const Options& options) {
  Json json = {{"run", options.text("RUN")},
               {"split", options.text("split")},
               {"images", images},
               {"fitted_on", state.data.validation_images},
               {"widths", Json::array()}};
  for (const Curve& curve : curves) {
    Json row = {{"width", width_json(curve.width)}, {"policies", Json::array()}};
    for (std::size_t k = 0; k < curve.used.size(); ++k) {
      row["policies"].push_back(policy_json(curve.used[k], curve.fitted[k]));
    }
    json["widths"].push_back(std::move(row));
  }
  print_json(json);
}

std::string count_text(double share, std::int64_t images) {
  return format_fixed(share * static_cast<double>(images), 0);
}

void print_table(const Curve& curve, int exits, std::int64_t images) {
  std::vector<std::string> columns = {">average MACs", ">accuracy"};
  for (int exit = 1; exit <= exits; ++exit) columns.push_back(">exit " + std::to_string(exit));
  TextTable table(columns);
  for (const ExitPolicy& policy : curve.used) {
    std::vector<std::string> cells = {format_fixed(policy.average_macs / 1e6, 3) + "M",
                                      accuracy_cell(policy.accuracy)};
    for (const double share : policy.shares) cells.push_back(count_text(share, images));
    table.add(cells);
  }
  std::cout << "width " << curve.width.text() << "\n" << table.text();
}

std::vector<Width> widths_of(FlexibleNet& net, const RunState& state, const Options& options) {
  if (!options.given("width")) {
    std::vector<Width> widths;
    for (const Width width : state.widths) {
      if (net.is_calibrated(width)) widths.push_back(width);
    }
    return widths;
  }
  return {Width::parse(options.text("width"))};
}

}  // namespace

int eval_budgeted(RunState& state, const Recipe& recipe, at::Device device,
                  const Options& options) {
  check_options(state, options);
  const PreparedData data = data_of_run(state, recipe, options);
  const std::string& name = options.text("split");
  const Split& split = split_of(data, name);
  FlexibleNet net = net_of_run(state, recipe, device);
  std::vector<Curve> curves;
  {
    WatchLine line(options.flag("quiet"));
    for (const Width width : widths_of(net, state, options)) {
      curves.push_back(experiment::budgeted_curve(net, width, split, name, data, line.watch()));
    }
  }
  if (options.flag("json")) {
    print_json_of(curves, state, split.size(), options);
    return 0;
  }
  for (const Curve& curve : curves) print_table(curve, state.net.exit_count(), split.size());
  std::cout << "images that left at each exit, of " << split.size() << " " << name
            << " images; thresholds fitted on " << data.validation.size() << " validation images\n";
  return 0;
}

}  // namespace concertina::cli
