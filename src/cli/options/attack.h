// The options of an attack: --attack, --epsilon and others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "concertina/experiment/robustness.h"
#include "concertina/feed/dataset.h"

#include "options/options.h"

namespace concertina::cli {

// --attack and what belongs to it.
std::vector<Option> attack_options();
// None without --attack. Images are normalized by `statistics`. Throws UsageError for its options
// without it, and for numbers that are none.
std::optional<experiment::Attack> chosen_attack(const Options& options,
                                                const PixelStatistics& statistics,
                                                std::uint64_t seed);

}  // namespace concertina::cli
