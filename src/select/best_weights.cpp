#include "best_weights.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace concertina {
namespace {

// A price this near to a limit of its range is at that limit.
constexpr double kNoPrice = 1e-9;
// Slack added to the rows of the best weights, because they leave no interior.
constexpr double kRoom = 1e-10;

std::vector<double> unit(std::size_t size, std::size_t place, double value) {
  std::vector<double> vector(size, 0.0);
  vector[place] = value;
  return vector;
}

// The weights first, then what each wish is missed by. Rows: the wishes, then the sum or the
// limits.
ConvexProgram least_missed(const std::vector<Wish>& wishes, std::size_t n, WeightSum sum) {
  const std::size_t all = n + wishes.size();
  ConvexProgram program(all);
  for (std::size_t k = 0; k < wishes.size(); ++k) {
    std::vector<double> row = wishes[k].gain;
    row.resize(all, 0.0);
    row[n + k] = 1;
    program.add(std::move(row), wishes[k].margin);
    program.slope[n + k] = wishes[k].cost;
  }
  std::vector<double> ones(n, 1.0);
  ones.resize(all, 0.0);
  if (sum == WeightSum::one) {
    program.add(ones, 1);
    program.add(scaled(ones, -1), -1);
    return program;
  }
  for (std::size_t i = 0; i < n; ++i) {
    program.add(unit(all, i, -1), -1);
    // (1 - sum)^2 without its constant
    program.slope[i] = -2;
    std::fill_n(program.curvature[i].begin(), n, 2.0);
  }
  return program;
}

const Optimum& needed(const std::optional<Optimum>& optimum) {
  if (!optimum) throw std::logic_error("weights that were found are lost again");
  return *optimum;
}

}  // namespace

std::vector<double> scaled(std::vector<double> vector, double factor) {
  for (double& value : vector) value *= factor;
  return vector;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Whatever one optimum's dual prices leave open is open to all of them (complementary slackness).
ConvexProgram best_weights(const std::vector<Wish>& wishes, std::size_t n, WeightSum sum) {
  const std::optional<Optimum> solved = minimize(least_missed(wishes, n, sum));
  const Optimum& found = needed(solved);
  ConvexProgram best(n);
  const std::vector<double> weights(found.x.begin(),
                                    found.x.begin() + static_cast<std::ptrdiff_t>(n));
  // Never so tight that what was found is outside.
  const auto least = [&](const std::vector<double>& row, double bound) {
    best.add(row, std::min(bound, dot(row, weights)) - kRoom);
  };
  const auto most = [&](const std::vector<double>& row, double bound) {
    least(scaled(row, -1), -bound);
  };
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  const std::vector<double> ones(n, 1.0);
  least(ones, total);
  most(ones, total);
  for (std::size_t i = 0; i < n; ++i) {
    if (found.reduced[i] > kNoPrice) most(unit(n, i, 1), 0);
    if (sum == WeightSum::one) continue;
    most(unit(n, i, 1), 1);
    if (found.prices[wishes.size() + i] > kNoPrice) least(unit(n, i, 1), 1);
  }
  for (std::size_t k = 0; k < wishes.size(); ++k) {
    const Wish& wish = wishes[k];
    if (found.prices[k] < wish.cost - kNoPrice) least(wish.gain, wish.margin);
    if (found.prices[k] > kNoPrice) most(wish.gain, wish.margin);
  }
  return best;
}

std::vector<double> most_even(ConvexProgram best) {
  for (std::size_t i = 0; i < best.variables(); ++i) best.curvature[i][i] = 1;
  const std::optional<Optimum> solved = minimize(best);
  return needed(solved).x;
}

std::vector<std::size_t> rivals(const ConvexProgram& best,
                                const std::vector<std::vector<double>>& strengths,
                                std::size_t choice) {
  const auto difference = [&](std::size_t a, std::size_t b) {
    std::vector<double> result = strengths[a];
    for (std::size_t k = 0; k < result.size(); ++k) result[k] -= strengths[b][k];
    return result;
  };
  // True if it can be worth most: solves for weights that favor it, and, as long as another one
  // is worth more there, for such that do not put that one before it.
  const auto can_win = [&](std::size_t one) {
    ConvexProgram program = best;
    program.slope = difference(choice, one);
    for (;;) {
      const std::optional<Optimum> found = minimize(program);
      if (!found || dot(program.slope, found->x) > -kSameValue) return false;
      const auto top = std::max_element(
          strengths.begin(), strengths.end(),
          [&](const auto& a, const auto& b) { return dot(a, found->x) < dot(b, found->x); });
      const std::vector<double> ahead =
          difference(one, static_cast<std::size_t>(top - strengths.begin()));
      if (dot(ahead, found->x) > -kSameValue) return true;
      program.add(ahead, 0);
    }
  };
  std::vector<std::size_t> found;
  for (std::size_t one = 0; one < strengths.size(); ++one) {
    if (one != choice && can_win(one)) found.push_back(one);
  }
  return found;
}

}  // namespace concertina
