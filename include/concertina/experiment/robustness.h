// How well a sub-model holds against adversarial images, and a net of devices against failures.
#pragma once

#include <string>
#include <vector>

#include "concertina/distill/adversary.h"
#include "concertina/eval/evaluate.h"
#include "concertina/eval/failures.h"

namespace concertina::experiment {

struct Attack {
  std::string name;  // "pgd", "fgsm"
  AttackSetting setting;
};

// The score of a net of one width and one exit on images that are attacked against it: its norms
// use their running statistics. The plain engine computes it.
Score robust_score(FlexibleNet net, const EvalLoader& loader, const Attack& attack,
                   const EvalProgress& progress = {});

// Accuracies over all sets of failed devices of one sub-model.
struct FailureSummary {
  double mean = 0, worst = 0, best = 0;
};
FailureSummary summary_of(const std::vector<FailureScore>& scores);

}  // namespace concertina::experiment
