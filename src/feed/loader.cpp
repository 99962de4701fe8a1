#include "concertina/feed/loader.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/kernels/augment.h"

namespace concertina {
namespace {

kernels::ImageShape image_shape(const Split& split) {
  return {split.images.size(1), split.images.size(2), split.images.size(3)};
}

void check_split(const Split& split) {
  const std::int64_t labels = split.labels.defined() ? split.labels.size(0) : 0;
  if (labels != split.size()) {
    throw ProgrammingError("split of " + std::to_string(split.size()) + " images has " +
                           std::to_string(labels) + " labels; expected one for each image");
  }
  if (split.size() == 0 || (split.images.is_contiguous() && split.labels.is_contiguous())) return;
  throw ProgrammingError("split whose images or labels are not contiguous; expected both to be");
}

void check_batch_size(std::int64_t batch) {
  if (batch >= 1) return;
  throw ProgrammingError("batch of " + std::to_string(batch) + " images; expected at least 1");
}

void check_position(std::int64_t position, std::int64_t batches) {
  if (position >= 0 && position < batches) return;
  throw ProgrammingError("batch " + std::to_string(position) + " of a loader; expected 0 to " +
                         std::to_string(batches - 1));
}

// Drawn in a fixed order, whatever is switched on, so that one option does not change another's
// draws.
kernels::Placement place(const Augmentation& augmentation, std::uint64_t seed, std::int64_t epoch,
                         std::int64_t index, std::uint64_t draw = 0) {
  CounterRandom random(seed, Stream::augment, static_cast<std::uint32_t>(epoch),
                       static_cast<std::uint64_t>(index) + (draw << 48));
  const auto padding = static_cast<std::int32_t>(augmentation.crop_padding);
  const auto shifts = static_cast<std::uint32_t>(2 * padding + 1);
  kernels::Placement placement{};
  placement.index = index;
  placement.dy = static_cast<std::int32_t>(random.below(shifts)) - padding;
  placement.dx = static_cast<std::int32_t>(random.below(shifts)) - padding;
  placement.flip = random.uniform() < augmentation.flip;
  return placement;
}

// Memory that the device can copy from while the next batch is being made.
at::Tensor staging(at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  return at::empty(sizes, at::TensorOptions().dtype(type).pinned_memory(device.is_cuda()));
}

// place_one(index) -> Placement; has to be safe to call from several threads.
template <typename PlaceOne>
Batch gather(const Split& split, const PixelStatistics& statistics,
             std::vector<std::int64_t> indexes, at::Device device, const PlaceOne& place_one) {
  const auto shape = image_shape(split);
  const auto count = static_cast<std::int64_t>(indexes.size());
  const auto images =
      staging({count, shape.channels, shape.height, shape.width}, at::kFloat, device);
  const auto labels = staging({count}, at::kLong, device);
  const auto* source = split.images.data_ptr<std::uint8_t>();
  const auto* source_labels = split.labels.data_ptr<std::int64_t>();
  auto* out = images.data_ptr<float>();
  auto* out_labels = labels.data_ptr<std::int64_t>();
  const std::int64_t size = shape.channels * shape.height * shape.width;
  // On one thread: a batch takes less time than threads take to come and go.
  for (std::int64_t i = 0; i < count; ++i) {
    const auto placement = place_one(indexes[static_cast<std::size_t>(i)]);
    kernels::augment(source, shape, &placement, 1, statistics.mean.data(),
                     statistics.deviation.data(), out + i * size);
    out_labels[i] = source_labels[placement.index];
  }
  return {images.to(device, /*non_blocking=*/true), labels.to(device, /*non_blocking=*/true),
          std::move(indexes)};
}

// The same indexes; behind the first of each pair the next one in the order whose label is the
// same, or another, as a coin says; any where there is none.
std::vector<std::int64_t> paired(const std::vector<std::int64_t>& order, const at::Tensor& labels,
                                 CounterRandom random) {
  const auto* label = labels.data_ptr<std::int64_t>();
  std::vector<std::int64_t> left(order.rbegin(), order.rend());  // the next one is at the back
  std::vector<std::int64_t> result;
  while (!left.empty()) {
    const std::int64_t first = left.back();
    left.pop_back();
    result.push_back(first);
    if (left.empty()) break;
    const bool same = random.below(2) == 0;
    const auto fits = [&](std::int64_t other) { return (label[other] == label[first]) == same; };
    auto partner = std::find_if(left.rbegin(), left.rend(), fits);
    if (partner == left.rend()) partner = left.rbegin();
    result.push_back(*partner);
    left.erase(std::next(partner).base());
  }
  return result;
}

}  // namespace

TrainLoader::TrainLoader(Split split, PixelStatistics statistics, Augmentation augmentation,
                         std::int64_t batch, std::uint64_t seed, at::Device device, bool pairs)
    : split_(std::move(split)),
      statistics_(std::move(statistics)),
      augmentation_(augmentation),
      batch_(std::min(batch, split_.size())),
      seed_(seed),
      device_(device),
      pairs_(pairs) {
  check_split(split_);
  check_batch_size(batch);
  if (split_.size() == 0) {
    throw DataError("training split: 0 images; expected at least 1");
  }
  if (augmentation_.crop_padding < 0) {
    throw ProgrammingError("crop padding: " + std::to_string(augmentation_.crop_padding) +
                           " pixels; expected at least 0");
  }
}

std::int64_t TrainLoader::batches() const { return split_.size() / batch_; }

Batch TrainLoader::get(std::int64_t epoch, std::int64_t position) const {
  check_position(position, batches());
  if (epoch != order_epoch_) {
    order_ = permutation(split_.size(),
                         CounterRandom(seed_, Stream::shuffle, static_cast<std::uint32_t>(epoch)));
    if (pairs_) {
      order_ = paired(order_, split_.labels,
                      CounterRandom(seed_, Stream::pairs, static_cast<std::uint32_t>(epoch)));
    }
    order_epoch_ = epoch;
  }
  const auto first = order_.begin() + position * batch_;
  return gather(split_, statistics_, {first, first + batch_}, device_,
                [&](std::int64_t index) { return place(augmentation_, seed_, epoch, index); });
}

at::Tensor TrainLoader::again(const Batch& batch, std::int64_t epoch, bool augmented) const {
  return gather(split_, statistics_, batch.indexes, device_,
                [&](std::int64_t index) {
                  return augmented ? place(augmentation_, seed_, epoch, index, 1)
                                   : kernels::Placement{index, 0, 0, false};
                })
      .images;
}

at::Tensor TrainLoader::from(const Split& other, const Batch& batch, std::int64_t epoch) const {
  return gather(other, statistics_, batch.indexes, device_,
                [&](std::int64_t index) { return place(augmentation_, seed_, epoch, index); })
      .images;
}

EvalLoader::EvalLoader(Split split, PixelStatistics statistics, std::int64_t batch,
                       at::Device device)
    : split_(std::move(split)), statistics_(std::move(statistics)), batch_(batch), device_(device) {
  check_split(split_);
  check_batch_size(batch_);
}

std::int64_t EvalLoader::batches() const { return (split_.size() + batch_ - 1) / batch_; }

Batch EvalLoader::get(std::int64_t position) const {
  check_position(position, batches());
  std::vector<std::int64_t> indexes;
  const std::int64_t end = std::min((position + 1) * batch_, split_.size());
  for (std::int64_t i = position * batch_; i < end; ++i) indexes.push_back(i);
  return gather(split_, statistics_, std::move(indexes), device_, [](std::int64_t index) {
    return kernels::Placement{index, 0, 0, false};
  });
}

}  // namespace concertina
