// Batches in a seeded order. A batch is a pure function of (seed, epoch, position), so it does not
// depend on threads or on where a run was interrupted.
#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/feed/dataset.h"

namespace concertina {

struct Augmentation {
  std::int64_t crop_padding = 0;  // pixels; 0 = no crop
  double flip = 0;                // probability of a horizontal mirror
};

struct Batch {
  at::Tensor images;  // [B, C, H, W] float32, (pixel / 255 - mean) / deviation, on `device`
  at::Tensor labels;  // [B] int64, on `device`
  std::vector<std::int64_t> indexes;  // of the images in the split
};

// Training batches: a new order and new crops each epoch; a last batch that is not full is left out
// (batch norm needs company), unless it is the only one. A crop is drawn for (seed, epoch, index of
// the image), so it is the same in any batch. get() keeps the order of the epoch asked for last:
// one loader serves one thread at a time; it makes a batch on the thread that
// asks for it.
class TrainLoader {
 public:
  // Throws DataError for a split without images, and ProgrammingError for a batch below 1, negative
  // padding, or a split that is not contiguous or has not one label for each image; get() throws
  // ProgrammingError for a position outside the epoch.
  // `pairs`: of the images at places 2k and 2k + 1 of an epoch's order, about half are of one
  // label, the others of two, as long as the labels last.
  TrainLoader(Split split, PixelStatistics statistics, Augmentation augmentation,
              std::int64_t batch, std::uint64_t seed, at::Device device, bool pairs = false);

  std::int64_t batches() const;  // an epoch
  Batch get(std::int64_t epoch, std::int64_t position) const;
  // The images of a batch of that epoch once more: augmented by another draw, or not at all.
  at::Tensor again(const Batch& batch, std::int64_t epoch, bool augmented) const;
  // Images of another split of the same order, placed and normalized as the batch's.
  at::Tensor from(const Split& other, const Batch& batch, std::int64_t epoch) const;

 private:
  Split split_;
  PixelStatistics statistics_;
  Augmentation augmentation_;
  std::int64_t batch_;
  std::uint64_t seed_;
  at::Device device_;
  bool pairs_;
  mutable std::int64_t order_epoch_ = -1;
  mutable std::vector<std::int64_t> order_;
};

// Evaluation batches: in order, no augmentation, the last one may be smaller. A split without
// images has 0 batches. Throws ProgrammingError as TrainLoader does.
class EvalLoader {
 public:
  EvalLoader(Split split, PixelStatistics statistics, std::int64_t batch, at::Device device);
  std::int64_t batches() const;
  Batch get(std::int64_t position) const;

 private:
  Split split_;
  PixelStatistics statistics_;
  std::int64_t batch_;
  at::Device device_;
};

}  // namespace concertina
