#include "concertina/kernels/convolution.h"

#include "samples.h"

namespace concertina::kernels {
namespace {

constexpr double kTolerance = 3e-6;  // sums of up to 400 float32 products in another order
constexpr std::int64_t kMore = 5;    // channels of the wider map that a map is a slice of

Window window(std::int64_t channels, std::int64_t height, std::int64_t width, std::int64_t kernel,
              std::int64_t stride, std::int64_t padding) {
  return {channels,
          height,
          width,
          (height + 2 * padding - kernel) / stride + 1,
          (width + 2 * padding - kernel) / stride + 1,
          kernel,
          stride,
          padding};
}

const std::vector<Window> kWindows = {
    window(16, 8, 8, 3, 1, 1), window(24, 9, 7, 3, 2, 1), window(5, 6, 6, 5, 1, 2),
    window(33, 8, 8, 3, 2, 1), window(3, 1, 1, 3, 1, 1),  window(8, 7, 9, 3, 3, 0),
    window(17, 5, 5, 1, 1, 0), window(6, 2, 2, 3, 2, 1),  window(16, 10, 10, 4, 2, 1)};

template <class T>
struct Case {
  explicit Case(const Window& w) : shape(w), stride(w.channels + kMore) {}

  Affine affine() const { return {scale.data(), shift.data(), 0, 6}; }

  Window shape;
  std::int64_t stride;
  std::vector<T> z = as<T>(samples(shape.in_pixels() * stride, 1));
  std::vector<float> scale = samples(stride, 2, 2), shift = samples(stride, 3);
  std::vector<float> weight = samples(shape.taps() * shape.channels, 4);
  std::vector<T> dz = as<T>(samples(shape.out_pixels() * stride, 5));
  std::vector<T> out = as<T>(samples(shape.out_pixels() * stride, 6));
  std::vector<T> in_gradient = as<T>(samples(shape.in_pixels() * stride, 7));
  std::vector<float> weight_gradient = samples(shape.taps() * shape.channels, 8);
  // What a pass's blocks of memory are aligned to; not cleared before use.
  std::vector<float> memory = samples(depthwise_scratch(shape) + 16, 9);
  float* scratch() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
    return memory.data() + (64 - address % 64) % 64 / sizeof(float);
  }

  void run_back(bool accumulate, bool wants_input) {
    depthwise<T>().backward(
        shape, z.data(), stride, affine(), weight.data(), dz.data(), stride,
        {wants_input ? in_gradient.data() : nullptr, stride, accumulate, weight_gradient.data()},
        scratch());
  }
};

template <class T>
class Depthwise : public testing::Test {};
TYPED_TEST_SUITE(Depthwise, ElementTypes);

TYPED_TEST(Depthwise, EqualsItsTwin) {
  for (const Window& shape : kWindows) {
    Case<TypeParam> one(shape);
    const std::vector<float> z = floats(one.z);
    std::vector<float> plain = floats(one.out);
    depthwise<TypeParam>().forward(shape, one.z.data(), one.stride, one.affine(), one.weight.data(),
                                   one.out.data(), one.stride, one.scratch());
    depthwise_plain(shape, z.data(), one.stride, one.affine(), one.weight.data(), plain.data(),
                    one.stride);
    EXPECT_TRUE(near(floats(one.out), plain, kTolerance + rounding<TypeParam>())) << shape.channels;
  }
}

TYPED_TEST(Depthwise, GradientsEqualTheirTwin) {
  for (const Window& shape : kWindows) {
    for (const bool accumulate : {false, true}) {
      Case<TypeParam> one(shape);
      const std::vector<float> z = floats(one.z), dz = floats(one.dz);
      std::vector<float> in_gradient = floats(one.in_gradient);
      std::vector<float> weight_gradient = one.weight_gradient;
      one.run_back(accumulate, true);
      depthwise_gradient_plain(
          shape, z.data(), one.stride, one.affine(), one.weight.data(), dz.data(), one.stride,
          {in_gradient.data(), one.stride, accumulate, weight_gradient.data()});
      EXPECT_TRUE(near(floats(one.in_gradient), in_gradient, kTolerance + rounding<TypeParam>()))
          << shape.channels;
      EXPECT_TRUE(near(one.weight_gradient, weight_gradient, kTolerance)) << shape.channels;
    }
  }
}

TYPED_TEST(Depthwise, NoInputGradientIsWrittenWhereNoneIsAskedFor) {
  Case<TypeParam> with(kWindows[0]), without(kWindows[0]);
  with.run_back(false, true);
  without.run_back(false, false);
  EXPECT_EQ(without.weight_gradient, with.weight_gradient);
}

// The input pixel that tap `tap` of output pixel `pixel` sees; -1 outside the image.
std::int64_t place_seen(const Window& shape, std::int64_t pixel, std::int64_t tap) {
  const std::int64_t y =
      pixel / shape.out_width * shape.stride + tap / shape.kernel - shape.padding;
  const std::int64_t x =
      pixel % shape.out_width * shape.stride + tap % shape.kernel - shape.padding;
  const bool outside = y < 0 || y >= shape.height || x < 0 || x >= shape.width;
  return outside ? -1 : y * shape.width + x;
}

TEST(Patches, AreWhatEveryTapSees) {
  for (const Window& shape : kWindows) {
    const Case<float> one(shape);
    std::vector<float> values(one.z.size());
    rows<float>().activate({shape.in_pixels(), shape.channels}, one.z.data(), one.stride,
                           one.affine(), values.data(), one.stride);
    std::vector<float> padded(static_cast<std::size_t>(shape.padded_pixels() * shape.channels));
    for (std::int64_t y = 0; y < shape.height; ++y) {
      rows<float>().activate({shape.width, shape.channels},
                             one.z.data() + y * shape.width * one.stride, one.stride, one.affine(),
                             padded.data() + shape.inside(y), shape.channels);
    }
    const std::int64_t begin = shape.out_pixels() / 3;
    std::vector<float> patches, expected;
    patches.resize(
        static_cast<std::size_t>((shape.out_pixels() - begin) * shape.taps() * shape.channels));
    gather_patches(shape, padded.data(), begin, shape.out_pixels(), patches.data());
    for (std::int64_t pixel = begin; pixel < shape.out_pixels(); ++pixel) {
      for (std::int64_t tap = 0; tap < shape.taps(); ++tap) {
        for (std::int64_t c = 0; c < shape.channels; ++c) {
          const std::int64_t place = place_seen(shape, pixel, tap);
          const auto at = static_cast<std::size_t>(place * one.stride + c);
          expected.push_back(place < 0 ? 0 : values[at]);
        }
      }
    }
    EXPECT_EQ(patches, expected) << shape.channels;
  }
}

template <class T>
class PatchSums : public testing::Test {};
TYPED_TEST_SUITE(PatchSums, ElementTypes);

TYPED_TEST(PatchSums, AddWhatEveryTapSaysToThePixelItSees) {
  for (const Window& shape : kWindows) {
    for (const bool accumulate : {false, true}) {
      Case<TypeParam> one(shape);
      const std::vector<float> patches =
          samples(shape.out_pixels() * shape.taps() * shape.channels, 2);
      std::vector<float> expected = floats(one.in_gradient);
      for (std::int64_t k = 0; k < shape.in_pixels() && !accumulate; ++k) {
        std::fill_n(expected.begin() + k * one.stride, shape.channels, 0.0F);
      }
      const float* from = patches.data();
      for (std::int64_t pixel = 0; pixel < shape.out_pixels(); ++pixel) {
        for (std::int64_t tap = 0; tap < shape.taps(); ++tap) {
          const std::int64_t place = place_seen(shape, pixel, tap);
          for (std::int64_t c = 0; c < shape.channels; ++c, ++from) {
            if (place >= 0) expected[static_cast<std::size_t>(place * one.stride + c)] += *from;
          }
        }
      }
      sum_patches(shape, patches.data(), accumulate, one.in_gradient.data(), one.stride);
      EXPECT_TRUE(near(floats(one.in_gradient), expected, kTolerance + rounding<TypeParam>()))
          << shape.channels;
    }
  }
}

}  // namespace
}  // namespace concertina::kernels
