// The full sub-model against the same architectures written by hand with plain LibTorch operations,
// weights taken by name: a second opinion on the graphs that nets/ writes.
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "concertina/nets/catalogue.h"
#include "concertina/nn/flexible_net.h"

#include "support/tensors.h"

namespace concertina {
namespace {

class Reference {
 public:
  explicit Reference(const FlexibleNet& net) {
    for (const Parameter& one : net.weights()) tensors_[one.name] = one.value.detach();
    for (const Parameter& one : net.norms(Width())) tensors_[one.name] = one.value.detach();
  }

  at::Tensor unit(const at::Tensor& input, const std::string& conv, const std::string& norm,
                  std::int64_t stride, bool relu6) const {
    const at::Tensor& weight = tensors_.at(conv + "/weight");
    const bool depthwise = weight.size(1) == 1 && input.size(1) != 1;
    const at::Tensor raw =
        at::conv2d(input, weight, {}, stride, weight.size(2) / 2, 1, depthwise ? input.size(1) : 1);
    const at::Tensor normed =
        at::batch_norm(raw, tensors_.at(norm + "/weight"), tensors_.at(norm + "/bias"),
                       tensors_.at(norm + "/running_mean"), tensors_.at(norm + "/running_var"),
                       false, 0.1, 1e-5, false);
    return relu6 ? at::clamp(normed, 0, 6) : at::relu(normed);
  }

  at::Tensor classify(const at::Tensor& map, const std::string& name) const {
    return at::linear(at::adaptive_avg_pool2d(map, {1, 1}).flatten(1),
                      tensors_.at(name + "/weight"), tensors_.at(name + "/bias"));
  }

 private:
  std::map<std::string, at::Tensor> tensors_;
};

at::Tensor mobilenet(const Reference& net, at::Tensor x) {
  x = net.unit(x, "stem.conv", "stem.norm", 1, true);
  const int blocks[] = {1, 2, 2, 6, 2};
  const int strides[] = {1, 2, 2, 2, 2};
  for (int stage = 0; stage < 5; ++stage) {
    for (int block = 0; block < blocks[stage]; ++block) {
      const std::string name =
          "stage" + std::to_string(stage + 1) + "." + std::to_string(block + 1);
      x = net.unit(x, name + ".depthwise.conv", name + ".depthwise.norm",
                   block == 0 ? strides[stage] : 1, true);
      x = net.unit(x, name + ".pointwise.conv", name + ".pointwise.norm", 1, true);
    }
  }
  return net.classify(x, "classifier");
}

// The tiny net: 2 + 1 + 1 layers over 3 scales, so that scales are dropped after layers 2 and 4.
std::vector<at::Tensor> msdnet_tiny(const Reference& net, const at::Tensor& images) {
  const auto unit = [&](const at::Tensor& x, const std::string& name, std::int64_t stride) {
    return net.unit(x, name + ".conv", name + ".norm", stride, false);
  };
  const auto path = [&](const at::Tensor& x, const std::string& name, std::int64_t stride) {
    return unit(unit(x, name + ".bottleneck", 1), name, stride);
  };
  const auto answer = [&](const at::Tensor& x, const std::string& name) {
    return net.classify(unit(unit(x, name + ".first", 2), name + ".second", 2),
                        name + ".classifier");
  };
  std::vector<at::Tensor> maps{unit(images, "first.scale0", 1)};
  maps.push_back(unit(maps[0], "first.scale1", 2));
  maps.push_back(unit(maps[1], "first.scale2", 2));
  const auto layer = [&](int number, std::size_t first) {
    const std::vector<at::Tensor> before = maps;
    for (std::size_t scale = first; scale < 3; ++scale) {
      const std::string name = "layer" + std::to_string(number) + ".scale" + std::to_string(scale);
      std::vector<at::Tensor> parts{before[scale]};
      if (scale > 0 && before[scale - 1].defined()) {
        parts.push_back(path(before[scale - 1], name + ".down", 2));
      }
      parts.push_back(path(before[scale], name + ".same", 1));
      maps[scale] = at::cat(parts, 1);
    }
    for (std::size_t scale = 0; scale < first; ++scale) maps[scale] = at::Tensor();
  };
  const auto reduce = [&](int number, std::size_t first) {
    for (std::size_t scale = first; scale < 3; ++scale) {
      maps[scale] = unit(
          maps[scale], "transition" + std::to_string(number) + ".scale" + std::to_string(scale), 1);
    }
  };
  std::vector<at::Tensor> logits;
  layer(1, 0);
  layer(2, 0);
  logits.push_back(answer(maps[2], "exit1"));
  layer(3, 1);
  reduce(3, 1);
  logits.push_back(answer(maps[2], "exit2"));
  layer(4, 1);
  logits.push_back(answer(maps[2], "exit3"));
  return logits;
}

void warm_up(FlexibleNet& net, const at::Tensor& images) {
  net.reset_statistics(Width());
  net.forward(images, {Width(), net.spec().exit_count()}, Pass::calibrate);
  net.set_calibrated(Width(), true);
}

// fp32 in another order of operations (layouts, pooling): 1e-5 of the largest logit.
constexpr double kTolerance = 1e-5;

TEST(Reference, FullMobileNetIsTheOneWrittenByHand) {
  const NetSpec spec = make_net("slimmable-mobilenet-v1", {});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  const at::Tensor images = random_images({4, 3, 32, 32});
  warm_up(net, images);
  const at::Tensor ours = net.forward(images, {Width(), 1}, Pass::evaluate)[0];
  EXPECT_TRUE(close(ours, mobilenet(Reference(net), images), kTolerance));
}

TEST(Reference, FullMsdNetIsTheOneWrittenByHand) {
  const NetSpec spec = make_net("msdnet-tiny", {});
  FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
  const at::Tensor images = random_images({4, 3, 32, 32});
  warm_up(net, images);
  const auto ours = net.forward(images, {Width(), 3}, Pass::evaluate);
  const auto theirs = msdnet_tiny(Reference(net), images);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t k = 0; k < ours.size(); ++k) EXPECT_TRUE(close(ours[k], theirs[k], kTolerance));
}

}  // namespace
}  // namespace concertina
