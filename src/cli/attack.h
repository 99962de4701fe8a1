// --attack: how well a sub-model holds against adversarial images.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "concertina/distill/adversary.h"
#include "concertina/eval/evaluate.h"
#include "concertina/feed/dataset.h"

#include "options.h"

namespace concertina::cli {

struct Attack {
  std::string name;  // "pgd", "fgsm"
  AttackSetting setting;
};

// --attack and what belongs to it.
std::vector<Option> attack_options();
// None without --attack. Images are normalized by `statistics`. Throws UsageError for its options
// without it, and for numbers that are none.
std::optional<Attack> chosen_attack(const Options& options, const PixelStatistics& statistics,
                                    std::uint64_t seed);

// The score of a net of one width and one exit on images that are attacked against it: its norms
// use their running statistics. Computed by the plain engine.
Score robust_score(FlexibleNet net, const EvalLoader& loader, const Attack& attack,
                   const EvalProgress& progress);

}  // namespace concertina::cli
