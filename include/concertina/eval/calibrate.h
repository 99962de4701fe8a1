// Norm statistics of a width, measured after training (METHODS.md 2.3, "post-statistics").
#pragma once

#include <cstdint>

#include "concertina/feed/dataset.h"
#include "concertina/nn/flexible_net.h"

namespace concertina {

struct CalibrationSetting {
  std::int64_t images = 2000;  // of the training part, not augmented
  std::int64_t batch = 100;
  std::uint64_t seed = 1;  // which images
};

// Resets the width's statistics and sets them to the exact average over the batches' statistics,
// without autograd. The subset depends on seed and size of `split` alone. Throws UsageError when
// the split is empty or images < 1.
void calibrate(FlexibleNet& net, Width width, const Split& split, const PixelStatistics& statistics,
               const CalibrationSetting& setting);

}  // namespace concertina
