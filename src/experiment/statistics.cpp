#include "concertina/experiment/statistics.h"

#include <algorithm>
#include <cmath>

#include <boost/math/distributions/students_t.hpp>

namespace concertina::experiment {
namespace {

constexpr double kConfidence = 0.95;

// How many standard errors the interval reaches to each side.
double reach(std::size_t count) {
  const boost::math::students_t distribution(static_cast<double>(count - 1));
  return boost::math::quantile(distribution, (1 + kConfidence) / 2);
}

}  // namespace

Spread spread(const std::vector<double>& values) {
  Spread result;
  result.count = values.size();
  if (values.empty()) return result;
  const double count = static_cast<double>(values.size());
  // Sums of what lies around the first value: equal values have that mean and no deviation,
  // exactly.
  double sum = 0;
  for (const double value : values) sum += value - values.front();
  result.mean = values.front() + sum / count;
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += std::pow(value - result.mean, 2);
  result.deviation = std::sqrt(squares / (count - 1));
  return result;
}

Difference difference(const std::vector<double>& pairs) {
  const Spread all = spread(pairs);
  Difference result;
  result.count = all.count;
  result.mean = all.mean;
  if (all.count < 2) return result;
  result.standard_error = all.deviation / std::sqrt(static_cast<double>(all.count));
  const double half = reach(all.count) * result.standard_error;
  result.low = all.mean - half;
  result.high = all.mean + half;
  return result;
}

double median(std::vector<double> values) {
  if (values.empty()) return kUnknown;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace concertina::experiment
