#include "concertina/experiment/early_exit.h"

namespace concertina::experiment {
namespace {

ExitScores scores_of(FlexibleNet& net, Width width, const Split& split, const PreparedData& data,
                     const std::string& name, const Watch& watch) {
  const EvalLoader loader(split, data.statistics, kEvaluationBatch, net.device());
  return exit_scores(net, loader, width, [&](std::int64_t done, std::int64_t all) {
    watch.show({"exits of " + width.label() + ", " + name,
                static_cast<double>(done) / static_cast<double>(all), ""});
    return true;  // thresholds are never fitted on a part of the images
  });
}

}  // namespace

EarlyExit fit_early_exit(FlexibleNet& net, Width width, const PreparedData& data,
                         const Watch& watch) {
  const ExitScores scores = scores_of(net, width, data.validation, data, "validation", watch);
  return {width, data.validation.size(), fit_exit_policies(scores, exit_macs(net.spec(), width))};
}

std::vector<EarlyExit> fit_early_exits(FlexibleNet& net, const PreparedData& data,
                                       const Watch& watch) {
  std::vector<EarlyExit> all;
  if (net.spec().exit_count() == 1 || data.validation.size() == 0) return all;
  for (const Width width : net.bank_widths()) {
    if (net.is_calibrated(width)) all.push_back(fit_early_exit(net, width, data, watch));
  }
  return all;
}

BudgetedCurve budgeted_curve(FlexibleNet& net, Width width, const Split& split,
                             const std::string& name, const PreparedData& data,
                             const Watch& watch) {
  const std::vector<std::int64_t> macs = exit_macs(net.spec(), width);
  BudgetedCurve curve{width, fit_early_exit(net, width, data, watch).policies, {}};
  const ExitScores scores = scores_of(net, width, split, data, name, watch);
  for (const ExitPolicy& policy : curve.fitted) {
    curve.used.push_back(use_exit_policy(policy, scores, macs));
  }
  return curve;
}

}  // namespace concertina::experiment
