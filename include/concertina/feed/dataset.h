// Images and labels in memory, and what is known of them. Readers are in data/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace concertina {

struct Split {
  at::Tensor images;  // [N, C, H, W] uint8, contiguous, CPU
  at::Tensor labels;  // [N] int64, CPU, in 0..classes-1

  std::int64_t size() const { return images.defined() ? images.size(0) : 0; }
};

struct Dataset {
  std::string name;                  // "cifar10"
  std::vector<std::string> classes;  // names, by label
  Split train;
  Split test;

  std::int64_t channels() const { return train.images.size(1); }
  std::int64_t height() const { return train.images.size(2); }
  std::int64_t width() const { return train.images.size(3); }
};

// Per-channel mean and deviation of pixels / 255, from exact integer sums. Throws ProgrammingError
// for images that are not contiguous.
struct PixelStatistics {
  std::vector<float> mean, deviation;  // one a channel; deviation is never 0
};
PixelStatistics pixel_statistics(const Split& split);

// The images as one gray sensor would see them: every channel the mean of all, plus normal noise of
// that deviation (pixels 0 to 1), one map an image, kept in 0..255. Depends on the seed, `part` and
// the place in the split alone.
Split gray(const Split& split, double noise, std::uint64_t seed, std::uint32_t part);

// Moves `count` images of the training part out of it: a seeded choice, the same number of each
// class as far as possible, in ascending order of index. Throws UsageError when count is negative
// or more than a fifth of the split.
struct HeldOut {
  Split train, validation;
};
HeldOut hold_out(const Split& train, std::int64_t count, int classes, std::uint64_t seed);

// The first n images of each split (all when n <= 0 or there are fewer).
void limit(Dataset& dataset, std::int64_t n);

// Checked before the first epoch. Throws DataError naming split, index, value and what is expected:
// shapes of both splits, label range, every class present in train, not a single constant image
// set. Warnings (unbalanced classes, images both in train and test) come back as lines.
struct SelfCheck {
  std::vector<std::int64_t> class_counts;  // of train
  PixelStatistics statistics;              // of train
  std::int64_t duplicates = 0;             // test images that also stand in train, byte for byte
  std::vector<std::string> warnings;
};
SelfCheck self_check(const Dataset& dataset);

}  // namespace concertina
