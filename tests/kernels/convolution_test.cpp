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

// The value that tap `tap` of output pixel `pixel` sees in channel c; 0 outside the image.
float seen(const Case<float>& one, const std::vector<float>& values, std::int64_t pixel,
           std::int64_t tap, std::int64_t c) {
  const Window& shape = one.shape;
  const std::int64_t y =
      pixel / shape.out_width * shape.stride + tap / shape.kernel - shape.padding;
  const std::int64_t x =
      pixel % shape.out_width * shape.stride + tap % shape.kernel - shape.padding;
  if (y < 0 || y >= shape.height || x < 0 || x >= shape.width) return 0;
  return values[static_cast<std::size_t>((y * shape.width + x) * one.stride + c)];
}

TEST(Patches, AreWhatEveryTapSees) {
  for (const Window& shape : kWindows) {
    const Case<float> one(shape);
    std::vector<float> values(one.z.size());
    rows<float>().activate({shape.in_pixels(), shape.channels}, one.z.data(), one.stride,
                           one.affine(), values.data(), one.stride);
    std::vector<float> padded = samples(shape.padded_pixels() * shape.channels, 9);
    pad(shape, one.z.data(), one.stride, one.affine(), padded.data());
    const std::int64_t begin = shape.out_pixels() / 3;
    std::vector<float> patches, expected;
    patches.resize(
        static_cast<std::size_t>((shape.out_pixels() - begin) * shape.taps() * shape.channels));
    gather_patches(shape, padded.data(), begin, shape.out_pixels(), patches.data());
    for (std::int64_t pixel = begin; pixel < shape.out_pixels(); ++pixel) {
      for (std::int64_t tap = 0; tap < shape.taps(); ++tap) {
        for (std::int64_t c = 0; c < shape.channels; ++c) {
          expected.push_back(seen(one, values, pixel, tap, c));
        }
      }
    }
    EXPECT_EQ(patches, expected) << shape.channels;
  }
}

// <patches of x, p> = <x, p scattered>: scattering is gathering turned round.
TEST(Patches, ScatteringIsTheTransposeOfGathering) {
  for (const Window& shape : kWindows) {
    const auto count = shape.out_pixels() * shape.taps() * shape.channels;
    const std::vector<float> x = samples(shape.padded_pixels() * shape.channels, 1);
    const std::vector<float> p = samples(count, 2);
    std::vector<float> gathered(static_cast<std::size_t>(count)), scattered(x.size(), 0);
    gather_patches(shape, x.data(), 0, shape.out_pixels(), gathered.data());
    scatter_patches(shape, p.data(), 0, shape.out_pixels(), scattered.data());
    double left = 0, right = 0;
    for (std::size_t k = 0; k < p.size(); ++k) left += static_cast<double>(gathered[k]) * p[k];
    for (std::size_t k = 0; k < x.size(); ++k) right += static_cast<double>(scattered[k]) * x[k];
    EXPECT_NEAR(left, right, 1e-4 * static_cast<double>(count)) << shape.channels;
  }
}

TEST(Patches, UnpadGivesTheInsideBack) {
  const Window shape = kWindows[1];
  const Case<float> one(shape);
  const std::vector<float> ones(static_cast<std::size_t>(one.stride), 1);
  const std::vector<float> zeros(static_cast<std::size_t>(one.stride), 0);
  std::vector<float> padded(static_cast<std::size_t>(shape.padded_pixels() * shape.channels));
  pad(shape, one.z.data(), one.stride, {ones.data(), zeros.data(), -1e9F, 1e9F}, padded.data());
  std::vector<float> out = one.z, twice = one.z;
  unpad(shape, padded.data(), false, out.data(), one.stride);
  unpad(shape, padded.data(), true, twice.data(), one.stride);
  EXPECT_EQ(out, one.z);
  EXPECT_EQ(twice[0], 2 * one.z[0]);
  EXPECT_EQ(twice[static_cast<std::size_t>(shape.channels)],
            one.z[static_cast<std::size_t>(shape.channels)]);  // another's channel
}

}  // namespace
}  // namespace concertina::kernels
