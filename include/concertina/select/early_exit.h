// Early exit of a net with several exits: an image leaves at the first exit that is confident
// enough. Torch-free. Source: docs/methods.md, Budgeted evaluation.
#pragma once

#include <cstdint>
#include <vector>

#include "concertina/spec/measurement.h"

namespace concertina {

// The answers of the exits of one width for some images.
struct ExitScores {
  std::vector<std::vector<float>> confidence;  // [exit][image]: the largest softmax probability
  std::vector<std::vector<char>> correct;      // [exit][image]: whether it names the right class

  std::size_t exits() const { return confidence.size(); }
  std::size_t images() const { return confidence.empty() ? 0 : confidence.front().size(); }
};

constexpr float kNobodyLeaves = 2;  // a threshold that no probability reaches

// For p = 0.05, 0.1 ... 1.95: shares proportional to p, p^2, ... leave at exits 1, 2, ..., and each
// threshold is the confidence that lets as many go. Ascending by average MACs, each set of
// thresholds once. macs: any-time ones of each exit. The images must not be those the net was
// trained on, nor be augmented.
std::vector<ExitPolicy> fit_exit_policies(const ExitScores& held_out,
                                          const std::vector<std::int64_t>& macs);

// Applies the same thresholds to other images.
ExitPolicy use_exit_policy(const ExitPolicy& policy, const ExitScores& scores,
                           const std::vector<std::int64_t>& macs);

// The most accurate one whose average MACs are within the budget; on equal accuracy the cheaper.
// Throws NoChoiceError naming the cheapest.
const ExitPolicy& choose_exit_policy(const std::vector<ExitPolicy>& policies,
                                     double max_average_macs);

}  // namespace concertina
