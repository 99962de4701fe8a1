#include "concertina/select/early_exit.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

// Shares of the images that should leave at each exit: p, p^2, ... normalized.
std::vector<double> wanted_shares(double p, std::size_t exits) {
  std::vector<double> shares;
  for (std::size_t exit = 1; exit <= exits; ++exit) {
    shares.push_back(std::pow(p, static_cast<double>(exit)));
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

// The confidence that lets the `count` most confident of those still here go. Takes them out.
float let_go(std::size_t count, const std::vector<float>& confidence,
             std::vector<std::size_t>& here) {
  count = std::min(count, here.size());
  if (count == 0) return kNobodyLeaves;
  const auto last = here.begin() + static_cast<std::ptrdiff_t>(count - 1);
  std::nth_element(here.begin(), last, here.end(),
                   [&](std::size_t a, std::size_t b) { return confidence[a] > confidence[b]; });
  const float threshold = confidence[*last];
  const auto leaves = [&](std::size_t image) { return confidence[image] >= threshold; };
  here.erase(std::remove_if(here.begin(), here.end(), leaves), here.end());
  return threshold;
}

std::vector<float> fit_thresholds(double p, const ExitScores& scores) {
  std::vector<std::size_t> here(scores.images());
  std::iota(here.begin(), here.end(), 0);
  const std::vector<double> shares = wanted_shares(p, scores.exits());
  std::vector<float> thresholds;
  for (std::size_t exit = 0; exit + 1 < scores.exits(); ++exit) {
    const double count = shares[exit] * static_cast<double>(scores.images());
    thresholds.push_back(let_go(static_cast<std::size_t>(count), scores.confidence[exit], here));
  }
  thresholds.push_back(0);  // the last takes all
  return thresholds;
}

std::string macs_text(double macs) { return format_quantity(macs, Unit::count); }

}  // namespace

ExitPolicy use_exit_policy(const ExitPolicy& policy, const ExitScores& scores,
                           const std::vector<std::int64_t>& macs) {
  ExitPolicy result;
  result.thresholds = policy.thresholds;
  std::vector<std::int64_t> left(scores.exits(), 0);
  std::int64_t correct = 0;
  for (std::size_t image = 0; image < scores.images(); ++image) {
    std::size_t exit = 0;
    while (exit + 1 < scores.exits() && scores.confidence[exit][image] < policy.thresholds[exit]) {
      ++exit;
    }
    ++left[exit];
    correct += scores.correct[exit][image];
  }
  const auto images = static_cast<double>(scores.images());
  result.accuracy = static_cast<double>(correct) / images;
  for (std::size_t exit = 0; exit < scores.exits(); ++exit) {
    result.shares.push_back(static_cast<double>(left[exit]) / images);
    result.average_macs += result.shares[exit] * static_cast<double>(macs[exit]);
  }
  return result;
}

std::vector<ExitPolicy> fit_exit_policies(const ExitScores& held_out,
                                          const std::vector<std::int64_t>& macs) {
  constexpr int kSteps = 39;
  std::vector<ExitPolicy> policies;
  for (int step = 1; step <= kSteps; ++step) {
    ExitPolicy policy;
    policy.thresholds = fit_thresholds(0.05 * step, held_out);
    policies.push_back(use_exit_policy(policy, held_out, macs));
  }
  std::stable_sort(policies.begin(), policies.end(),
                   [](const auto& a, const auto& b) { return a.average_macs < b.average_macs; });
  const auto same = [](const auto& a, const auto& b) { return a.thresholds == b.thresholds; };
  policies.erase(std::unique(policies.begin(), policies.end(), same), policies.end());
  return policies;
}

const ExitPolicy& choose_exit_policy(const std::vector<ExitPolicy>& policies,
                                     double max_average_macs) {
  const ExitPolicy* best = nullptr;
  for (const ExitPolicy& one : policies) {
    if (one.average_macs > max_average_macs) continue;
    if (best == nullptr || one.accuracy > best->accuracy) best = &one;
  }
  if (best != nullptr) return *best;
  if (policies.empty()) throw NoChoiceError("there are no thresholds for an early exit");
  throw NoChoiceError("no early exit computes at most " + macs_text(max_average_macs) +
                      " multiply-accumulates an image on average; the cheapest needs " +
                      macs_text(policies.front().average_macs));
}

}  // namespace concertina
