// Norm statistics of a width, measured after training: "post-statistics" in docs/methods.md,
// Universally slimmable networks.
#pragma once

#include <cstdint>

#include "concertina/feed/dataset.h"
#include "concertina/nn/flexible_net.h"

namespace concertina {

struct CalibrationSetting {
  std::int64_t images = 2000;  // of the training part, not augmented
  std::int64_t batch = 100;    // images whose statistics are taken at a time
  std::uint64_t seed = 1;      // which images
};

// Resets the width's statistics and sets them to the exact average over the batches' statistics,
// without autograd. Only whole batches count (one smaller one when there is no whole one), so that
// every image counts the same. The subset depends on seed and size of `split` alone. Throws
// UsageError when fewer than 2 images are there or asked for, DivergedError when a statistic is not
// finite.
void calibrate(FlexibleNet& net, Width width, const Split& split, const PixelStatistics& statistics,
               const CalibrationSetting& setting);

}  // namespace concertina
