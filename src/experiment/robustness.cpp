#include "concertina/experiment/robustness.h"

#include <algorithm>

#include <ATen/Functions.h>

#include "concertina/eval/process.h"

namespace concertina::experiment {

Score robust_score(FlexibleNet net, const EvalLoader& loader, const Attack& attack,
                   const EvalProgress& progress) {
  const ThreadCountGuard guard;  // the counts are the caller's again afterwards
  net.set_engine(Engine::plain);
  give_threads_to(Engine::plain);
  const auto attacked = [&](const Batch& batch, std::int64_t position) {
    AttackSetting setting = attack.setting;
    setting.counter = static_cast<std::uint32_t>(position);
    const auto loss = [&](const at::Tensor& images) {
      const at::Tensor logits = net.forward(images, Subnet(), Pass::evaluate)[0];
      return at::nll_loss(at::log_softmax(logits, 1), batch.labels, {}, at::Reduction::Sum);
    };
    return projected_gradient(loss, batch.images, setting);
  };
  return evaluate(net, loader, {Width()}, progress, attacked).at(0);
}

FailureSummary summary_of(const std::vector<FailureScore>& scores) {
  FailureSummary summary{0, 1, 0};
  for (const FailureScore& score : scores) {
    summary.mean += score.accuracy;
    summary.worst = std::min(summary.worst, score.accuracy);
    summary.best = std::max(summary.best, score.accuracy);
  }
  summary.mean /= static_cast<double>(scores.size());
  return summary;
}

}  // namespace concertina::experiment
