// How well a net on several devices (spec/devices.h) answers when some of them fail.
#pragma once

#include <vector>

#include "concertina/eval/evaluate.h"
#include "concertina/spec/devices.h"

namespace concertina {

// What the linear layer reads, [B, C]: of every part the mean of what its devices sent, the parts
// one behind the other; zeros for a part without any. sent: of each device [B, C of its part],
// alive or not; what a device that failed sent is not looked at, but for its shape.
at::Tensor average_parts(const std::vector<at::Tensor>& sent, const std::vector<Device>& devices,
                         int parts, const std::vector<bool>& alive);

struct FailureScore {
  std::vector<int> failed;  // the devices, from 0, ascending
  double accuracy = 0;      // fraction
};

constexpr std::int64_t kMostFailureSets = 100000;
// Throws UsageError for a net that does not run on devices, for a count that is not 1 to one less
// than it has, and for more than kMostFailureSets sets of so many.
void check_failures(const NetSpec& net, int count);

// Accuracy of a net of one width for every set of `count` failed devices, in lexicographic order;
// every image runs once. None when `progress` ends it. Throws as check_failures(), and DataError
// for a loader without images.
std::vector<FailureScore> evaluate_failures(FlexibleNet& net, const EvalLoader& loader, int count,
                                            const EvalProgress& progress = {});

}  // namespace concertina
