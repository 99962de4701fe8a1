#include "concertina/feed/loader.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "concertina/core/error.h"

#include "support/tiny_dataset.h"

namespace concertina {
namespace {

using support::tiny_dataset;

const Augmentation kCropAndFlip{2, 0.5};

TrainLoader train_loader(std::int64_t batch, std::uint64_t seed = 1,
                         Augmentation augmentation = kCropAndFlip) {
  const auto split = tiny_dataset().train;
  return {split, pixel_statistics(split), augmentation, batch, seed, at::kCPU};
}

at::Tensor normalized(const Split& split) {
  const auto statistics = pixel_statistics(split);
  const auto mean = at::tensor(statistics.mean).view({1, -1, 1, 1});
  const auto deviation = at::tensor(statistics.deviation).view({1, -1, 1, 1});
  return (split.images.to(at::kFloat) / 255 - mean) / deviation;
}

at::Tensor pick(const at::Tensor& from, const Batch& batch) {
  return from.index_select(0, at::tensor(batch.indexes));
}

std::vector<std::int64_t> epoch_order(const TrainLoader& loader, std::int64_t epoch) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < loader.batches(); ++i) {
    const auto batch = loader.get(epoch, i);
    order.insert(order.end(), batch.indexes.begin(), batch.indexes.end());
  }
  return order;
}

TEST(TrainLoader, WithoutAugmentationGivesTheNormalizedImagesAndTheirLabels) {
  const auto split = tiny_dataset().train;
  const auto batch = train_loader(16, 1, {0, 0}).get(0, 1);
  EXPECT_EQ(batch.images.sizes(), (at::IntArrayRef{16, 3, 8, 8}));
  EXPECT_TRUE(at::allclose(batch.images, pick(normalized(split), batch), 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(batch.labels, pick(split.labels, batch)));
}

TEST(TrainLoader, PairsAreOfOneClassAboutHalfTheTime) {
  const auto split = tiny_dataset({4, 3, 8, 8, 400, 32}).train;
  const TrainLoader loader(split, pixel_statistics(split), {0, 0}, 16, 1, at::kCPU, true);
  auto order = epoch_order(loader, 0);
  const auto* label = split.labels.data_ptr<std::int64_t>();
  int same = 0;
  for (std::size_t k = 0; k + 1 < order.size(); k += 2)
    same += label[order[k]] == label[order[k + 1]];
  EXPECT_NEAR(same, 100, 20);  // of 200; by chance 50
  EXPECT_NE(order, epoch_order(loader, 1));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(std::unique(order.begin(), order.end()), order.end());  // each image once
}

TEST(TrainLoader, ABatchCanBeSeenAgainAndFromAnotherSplit) {
  const auto split = tiny_dataset().train;
  const TrainLoader loader = train_loader(16);
  const Batch batch = loader.get(2, 1);
  EXPECT_TRUE(at::equal(loader.from(split, batch, 2), batch.images));  // placed alike
  EXPECT_TRUE(
      at::allclose(loader.again(batch, 2, false), pick(normalized(split), batch), 1e-5, 1e-5));
  const auto other = loader.again(batch, 2, true);
  EXPECT_FALSE(at::equal(other, batch.images));
  EXPECT_TRUE(at::equal(other, loader.again(batch, 2, true)));
}

TEST(TrainLoader, AnEpochTakesEveryImageOnce) {
  auto order = epoch_order(train_loader(16), 3);
  std::sort(order.begin(), order.end());
  std::vector<std::int64_t> all(64);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(order, all);
}

TEST(TrainLoader, LeavesOutABatchThatIsNotFullUnlessItIsTheOnlyOne) {
  EXPECT_EQ(train_loader(20).batches(), 3);
  EXPECT_EQ(train_loader(20).get(0, 2).images.size(0), 20);
  EXPECT_EQ(train_loader(100).batches(), 1);
  EXPECT_EQ(train_loader(100).get(0, 0).images.size(0), 64);
}

TEST(TrainLoader, OrderChangesWithEpochAndSeed) {
  EXPECT_NE(epoch_order(train_loader(16), 0), epoch_order(train_loader(16), 1));
  EXPECT_NE(epoch_order(train_loader(16, 1), 0), epoch_order(train_loader(16, 2), 0));
}

TEST(TrainLoader, CropsChangeWithTheEpoch) {
  const auto loader = train_loader(64);
  const auto in_order = [](const Batch& batch) {
    const auto place = at::tensor(batch.indexes).argsort();
    return batch.images.index_select(0, place);
  };
  EXPECT_FALSE(at::equal(in_order(loader.get(0, 0)), in_order(loader.get(1, 0))));
}

TEST(TrainLoader, CropsOfAnImageDoNotDependOnTheBatchSize) {
  const auto small = train_loader(16).get(5, 0), large = train_loader(64).get(5, 0);
  EXPECT_TRUE(at::equal(small.images, large.images.narrow(0, 0, 16)));
}

TEST(TrainLoader, BatchDoesNotDependOnWhatWasAskedBefore) {
  const auto forward = train_loader(16), backward = train_loader(16);
  std::vector<Batch> first;
  for (std::int64_t epoch = 0; epoch < 2; ++epoch)
    for (std::int64_t i = 0; i < 4; ++i) first.push_back(forward.get(epoch, i));
  for (std::int64_t k = 7; k >= 0; --k) {
    const auto batch = backward.get(k / 4, k % 4);
    EXPECT_TRUE(at::equal(batch.images, first[static_cast<std::size_t>(k)].images)) << k;
    EXPECT_TRUE(at::equal(batch.labels, first[static_cast<std::size_t>(k)].labels)) << k;
  }
}

TEST(TrainLoader, BatchDoesNotDependOnThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = train_loader(64).get(2, 0);
  at::set_num_threads(2);
  const auto two = train_loader(64).get(2, 0);
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(one.images, two.images));
  EXPECT_EQ(one.indexes, two.indexes);
}

TEST(TrainLoader, FlipsAboutTheAskedFraction) {
  const auto split = tiny_dataset({4, 1, 8, 8, 2000, 8}).train;
  const TrainLoader loader(split, pixel_statistics(split), {0, 0.25}, 2000, 1, at::kCPU);
  const auto batch = loader.get(0, 0);
  const auto kept = pick(normalized(split), batch),
             same = (batch.images - kept).abs().amax({1, 2, 3});
  const auto flipped = (same > 0.1).sum().item<std::int64_t>();
  EXPECT_NEAR(static_cast<double>(flipped), 500, 80);  // 4 deviations
  const auto mirrored = (batch.images - kept.flip(3)).abs().amax({1, 2, 3});
  EXPECT_EQ((mirrored < 1e-5).sum().item<std::int64_t>(), flipped);
}

TEST(TrainLoader, CropsReachEveryShiftOfThePadding) {
  const auto split = tiny_dataset({4, 1, 8, 8, 1000, 8}).train;
  const TrainLoader loader(split, pixel_statistics(split), {1, 0}, 1000, 1, at::kCPU);
  const auto batch = loader.get(0, 0);
  const auto padded = at::constant_pad_nd(pick(split.images, batch), {1, 1, 1, 1}, 0);
  const auto statistics = pixel_statistics(split);
  std::int64_t matched = 0;
  for (std::int64_t dy = 0; dy < 3; ++dy)
    for (std::int64_t dx = 0; dx < 3; ++dx) {
      const auto crop = padded.narrow(2, dy, 8).narrow(3, dx, 8).to(at::kFloat) / 255;
      const auto expected = (crop - statistics.mean[0]) / statistics.deviation[0];
      const auto here = ((batch.images - expected).abs().amax({1, 2, 3}) < 1e-5).sum();
      EXPECT_NEAR(here.item<double>(), 1000.0 / 9, 45) << dy << ' ' << dx;
      matched += here.item<std::int64_t>();
    }
  EXPECT_EQ(matched, 1000);
}

TEST(TrainLoader, BatchOnAGpuEqualsTheOneOnTheCpu) {
  if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device";
  const auto split = tiny_dataset().train;
  const TrainLoader loader(split, pixel_statistics(split), kCropAndFlip, 16, 1, at::kCUDA);
  const auto there = loader.get(1, 2), here = train_loader(16).get(1, 2);
  EXPECT_TRUE(there.images.is_cuda());
  EXPECT_TRUE(at::equal(there.images.cpu(), here.images));
  EXPECT_TRUE(at::equal(there.labels.cpu(), here.labels));
}

TEST(EvalLoader, GivesEveryImageInOrderAndASmallerLastBatch) {
  const auto split = tiny_dataset().test;
  const EvalLoader loader(split, pixel_statistics(split), 12, at::kCPU);
  ASSERT_EQ(loader.batches(), 3);
  std::vector<at::Tensor> images, labels;
  for (std::int64_t i = 0; i < loader.batches(); ++i) {
    images.push_back(loader.get(i).images);
    labels.push_back(loader.get(i).labels);
  }
  EXPECT_EQ(images.back().size(0), 8);
  EXPECT_TRUE(at::allclose(at::cat(images), normalized(split), 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(at::cat(labels), split.labels));
}

template <class Fault>
std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Fault& error) {
    return error.what();
  }
  return "accepted";
}

TEST(TrainLoader, RefusesASplitWithoutImages) {
  const auto split = tiny_dataset().train;
  const auto statistics = pixel_statistics(split);
  const Split empty{split.images.narrow(0, 0, 0), split.labels.narrow(0, 0, 0)};
  for (const Split& none : {empty, Split{}}) {
    EXPECT_EQ(refusal<DataError>([&] { TrainLoader(none, statistics, {}, 16, 1, at::kCPU); }),
              "training split: 0 images; expected at least 1");
    EXPECT_EQ(EvalLoader(none, statistics, 16, at::kCPU).batches(), 0);
  }
}

TEST(TrainLoader, RefusesWhatItCannotMakeBatchesOf) {
  const auto split = tiny_dataset().train;
  const auto statistics = pixel_statistics(split);
  const auto refused = [&](const Split& of, const Augmentation& augmentation, std::int64_t batch) {
    return refusal<ProgrammingError>(
        [&] { TrainLoader(of, statistics, augmentation, batch, 1, at::kCPU); });
  };
  EXPECT_EQ(refused(split, {}, 0), "batch of 0 images; expected at least 1");
  EXPECT_EQ(refused(split, {-1, 0}, 16), "crop padding: -1 pixels; expected at least 0");
  EXPECT_EQ(refused({split.images, split.labels.narrow(0, 0, 3)}, {}, 16),
            "split of 64 images has 3 labels; expected one for each image");
  EXPECT_EQ(refused({split.images.transpose(2, 3), split.labels}, {}, 16),
            "split whose images or labels are not contiguous; expected both to be");
}

TEST(Loaders, RefuseAPositionOutsideTheEpoch) {
  const auto split = tiny_dataset().test;
  const EvalLoader loader(split, pixel_statistics(split), 16, at::kCPU);
  for (const std::int64_t position : {-1, 2}) {
    EXPECT_THROW(loader.get(position), ProgrammingError);
  }
  EXPECT_EQ(refusal<ProgrammingError>([&] { train_loader(16).get(0, 4); }),
            "batch 4 of a loader; expected 0 to 3");
  EXPECT_EQ(refusal<ProgrammingError>([&] { EvalLoader(split, {}, 0, at::kCPU); }),
            "batch of 0 images; expected at least 1");
}

TEST(PixelStatistics, RefuseImagesThatAreNotContiguous) {
  const auto split = tiny_dataset().train;
  EXPECT_EQ(refusal<ProgrammingError>([&] {
              pixel_statistics({split.images.transpose(2, 3), split.labels});
            }),
            "pixel statistics of images that are not contiguous; expected [N, C, H, W] uint8, "
            "contiguous");
}

}  // namespace
}  // namespace concertina
