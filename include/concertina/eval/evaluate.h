// Accuracy and loss of sub-models on a split.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "concertina/feed/loader.h"
#include "concertina/nn/flexible_net.h"

namespace concertina {

// Images a forward, everywhere a split is evaluated: the sums, and so the last digits, depend on
// it.
constexpr std::int64_t kEvaluationBatch = 250;

struct Score {
  Subnet subnet;
  std::int64_t images = 0;
  double accuracy = 0;  // fraction
  double loss = 0;      // mean cross-entropy, nats
};

// Called after every batch with the images done so far of all; false stops the evaluation early.
using EvalProgress = std::function<bool(std::int64_t done, std::int64_t all)>;

// The images to show instead of a batch's; `position`: which batch of the loader.
using ShownImages = std::function<at::Tensor(const Batch& batch, std::int64_t position)>;

// Throws DataError when the loader has no images.
void check_has_images(const EvalLoader& loader);

// All exits of each width, in one pass a width over the loader's images; in all_subnets() order.
// An evaluation stopped early gives what was finished: whole widths only.
// Throws UsageError for a width without statistics, DataError for a loader without images,
// DivergedError for a loss that is not finite.
std::vector<Score> evaluate(FlexibleNet& net, const EvalLoader& loader,
                            const std::vector<Width>& widths, const EvalProgress& progress = {},
                            const ShownImages& shown = {});

}  // namespace concertina
