#include "concertina/feed/dataset.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"

namespace concertina {
namespace {

using Histogram = std::array<std::uint64_t, 256>;

std::vector<Histogram> pixel_histograms(const Split& split) {
  const std::int64_t channels = split.images.size(1);
  const std::int64_t plane = split.images.size(2) * split.images.size(3);
  std::vector<Histogram> histograms(static_cast<std::size_t>(channels), Histogram{});
  const std::uint8_t* pixel = split.images.data_ptr<std::uint8_t>();
  for (std::int64_t n = 0; n < split.size(); ++n)
    for (auto& histogram : histograms)
      for (std::int64_t i = 0; i < plane; ++i) ++histogram[*pixel++];
  return histograms;
}

struct Moments {
  double mean, deviation;
};

// Of pixels / 255; the sums are integers, so they do not depend on the order of the images.
Moments moments(const Histogram& histogram) {
  std::uint64_t count = 0, sum = 0, squares = 0;
  for (std::uint64_t value = 0; value < histogram.size(); ++value) {
    count += histogram[value];
    sum += histogram[value] * value;
    squares += histogram[value] * value * value;
  }
  if (count == 0) return {0, 0};
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  const double variance = static_cast<double>(squares) / static_cast<double>(count) - mean * mean;
  return {mean / 255, std::sqrt(std::max(variance, 0.0)) / 255};
}

Split pick(const Split& split, std::vector<std::int64_t>& indexes) {
  const auto index =
      at::from_blob(indexes.data(), {static_cast<std::int64_t>(indexes.size())}, at::kLong);
  return {split.images.index_select(0, index), split.labels.index_select(0, index)};
}

std::vector<std::vector<std::int64_t>> shuffled_by_class(const Split& split, int classes,
                                                         std::uint64_t seed) {
  std::vector<std::vector<std::int64_t>> members(static_cast<std::size_t>(classes));
  const auto* labels = split.labels.data_ptr<std::int64_t>();
  for (const auto index : permutation(split.size(), CounterRandom(seed, Stream::split)))
    members.at(static_cast<std::size_t>(labels[index])).push_back(index);
  return members;
}

// One of each class in turn, so that a class that runs out leaves its share to the others.
std::vector<bool> choose(const Split& split, std::int64_t count, int classes, std::uint64_t seed) {
  const auto members = shuffled_by_class(split, classes, seed);
  std::vector<bool> chosen(static_cast<std::size_t>(split.size()), false);
  for (std::size_t round = 0; count > 0; ++round)
    for (const auto& of_class : members)
      if (round < of_class.size() && count > 0) {
        chosen[static_cast<std::size_t>(of_class[round])] = true;
        --count;
      }
  return chosen;
}

void limit(Split& split, std::int64_t n) {
  if (n <= 0 || split.size() <= n) return;
  split.images = split.images.narrow(0, 0, n).clone();  // a copy: lets the rest be freed
  split.labels = split.labels.narrow(0, 0, n).clone();
}

}  // namespace

PixelStatistics pixel_statistics(const Split& split) {
  if (!split.images.defined() || !split.images.is_contiguous()) {
    throw ProgrammingError(std::string("pixel statistics of images that are ") +
                           (split.images.defined() ? "not contiguous" : "not defined") +
                           "; expected [N, C, H, W] uint8, contiguous");
  }
  PixelStatistics statistics;
  for (const auto& histogram : pixel_histograms(split)) {
    const auto [mean, deviation] = moments(histogram);
    statistics.mean.push_back(static_cast<float>(mean));
    statistics.deviation.push_back(deviation > 0 ? static_cast<float>(deviation) : 1.0F);
  }
  return statistics;
}

HeldOut hold_out(const Split& train, std::int64_t count, int classes, std::uint64_t seed) {
  if (count < 0 || count > train.size() / 5)
    throw UsageError("validation: " + std::to_string(count) + " images of " +
                     std::to_string(train.size()) + " training images, expected 0.." +
                     std::to_string(train.size() / 5) + " (at most a fifth)");
  const auto chosen = choose(train, count, classes, seed);
  std::vector<std::int64_t> kept, held;
  for (std::int64_t i = 0; i < train.size(); ++i)
    (chosen[static_cast<std::size_t>(i)] ? held : kept).push_back(i);
  return {pick(train, kept), pick(train, held)};
}

void limit(Dataset& dataset, std::int64_t n) {
  limit(dataset.train, n);
  limit(dataset.test, n);
}

Split gray(const Split& split, double noise, std::uint64_t seed, std::uint32_t part) {
  if (split.size() == 0) return split;
  const std::int64_t channels = split.images.size(1);
  const std::int64_t pixels = split.images.size(2) * split.images.size(3);
  Split result{at::empty(split.images.sizes(), at::kByte), split.labels};
  const auto* from = split.images.data_ptr<std::uint8_t>();
  auto* to = result.images.data_ptr<std::uint8_t>();
  for (std::int64_t n = 0; n < split.size(); ++n) {
    CounterRandom random(seed, Stream::sensor, part, static_cast<std::uint64_t>(n));
    for (std::int64_t k = 0; k < pixels; ++k) {
      double sum = 0;
      for (std::int64_t c = 0; c < channels; ++c) sum += from[(n * channels + c) * pixels + k];
      double value = sum / static_cast<double>(channels);
      if (noise > 0) value += 255 * noise * random.normal();
      const auto kept = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
      for (std::int64_t c = 0; c < channels; ++c) to[(n * channels + c) * pixels + k] = kept;
    }
  }
  return result;
}

}  // namespace concertina
