#include "concertina/eval/calibrate.h"

#include <algorithm>
#include <vector>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/feed/loader.h"

namespace concertina {
namespace {

Split subset(const Split& split, std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> order =
      permutation(split.size(), CounterRandom(seed, Stream::calibrate));
  order.resize(static_cast<std::size_t>(count));
  const at::Tensor indexes = at::tensor(order, at::kLong);
  return {split.images.index_select(0, indexes), split.labels.index_select(0, indexes)};
}

}  // namespace

void calibrate(FlexibleNet& net, Width width, const Split& split, const PixelStatistics& statistics,
               const CalibrationSetting& setting) {
  const std::int64_t images = std::min(setting.images, split.size());
  const std::int64_t batch = std::min(setting.batch, images);
  if (batch < 2) {
    throw UsageError("calibration of width " + width.text() + " with " + std::to_string(batch) +
                     " images at a time; batch statistics need at least 2");
  }
  const at::NoGradGuard guard;
  const EvalLoader loader(subset(split, images / batch * batch, setting.seed), statistics, batch,
                          net.device());
  net.reset_statistics(width);
  for (std::int64_t position = 0; position < loader.batches(); ++position) {
    net.forward(loader.get(position).images, {width, net.spec().exit_count()}, Pass::calibrate);
  }
  check_finite(net.norms(width), width.label());
  net.set_calibrated(width, true);
}

}  // namespace concertina
