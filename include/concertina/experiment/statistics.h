// Means over seeds, and how sure they are. Not for: which numbers belong together
// (experiment/comparison.h).
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace concertina::experiment {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Spread {
  std::size_t count = 0;
  double mean = kUnknown;       // of none: unknown
  double deviation = kUnknown;  // of the sample (n - 1); of fewer than two: unknown
};
Spread spread(const std::vector<double>& values);

// The difference of pairs that share a seed, so that the seed's own effect cancels.
struct Difference {
  std::size_t count = 0;
  double mean = kUnknown;
  double standard_error = kUnknown;        // of the mean; of fewer than two pairs: unknown
  double low = kUnknown, high = kUnknown;  // 95 % interval of the mean by Student's t, n - 1
};
Difference difference(const std::vector<double>& pairs);

// The mean of the two in the middle for an even number of values; unknown for none.
double median(std::vector<double> values);

}  // namespace concertina::experiment
