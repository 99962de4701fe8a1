#include "early_exits.h"

#include "progress.h"

namespace concertina::cli {

ExitScores scores_of(FlexibleNet& net, Width width, const Split& split, const PreparedData& data,
                     const std::string& what, bool quiet) {
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, net.device());
  ProgressLine line(quiet);
  const Rate rate;
  return exit_scores(net, loader, width, [&](std::int64_t done, std::int64_t all) {
    ProgressState view;
    view.task = "exits of " + width.label() + ", " + what;
    view.share = static_cast<double>(done) / static_cast<double>(all);
    view.seconds_left = rate.seconds_left(static_cast<double>(done), static_cast<double>(all));
    line.show(view);
    return true;
  });
}

EarlyExit fit_early_exit(FlexibleNet& net, Width width, const PreparedData& data, bool quiet) {
  const ExitScores scores = scores_of(net, width, data.validation, data, "validation", quiet);
  return {width, data.validation.size(), fit_exit_policies(scores, exit_macs(net.spec(), width))};
}

std::vector<EarlyExit> fit_early_exits(FlexibleNet& net, const PreparedData& data, bool quiet) {
  std::vector<EarlyExit> all;
  if (net.spec().exit_count() == 1 || data.validation.size() == 0) return all;
  for (const Width width : net.bank_widths()) {
    if (net.is_calibrated(width)) all.push_back(fit_early_exit(net, width, data, quiet));
  }
  return all;
}

}  // namespace concertina::cli
