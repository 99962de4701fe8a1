// The full sub-model against the same architectures written by hand with plain LibTorch operations,
// weights taken by name: a second opinion on the graphs that nets/ writes.
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "concertina/nets/catalog.h"
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

struct MobileNet {
  int stem_stride;
  std::vector<int> strides, blocks;
};

at::Tensor mobilenet(const Reference& net, const MobileNet& shape, at::Tensor x) {
  x = net.unit(x, "stem.conv", "stem.norm", shape.stem_stride, true);
  for (std::size_t stage = 0; stage < 5; ++stage) {
    for (int block = 0; block < shape.blocks[stage]; ++block) {
      const std::string name =
          "stage" + std::to_string(stage + 1) + "." + std::to_string(block + 1);
      x = net.unit(x, name + ".depthwise.conv", name + ".depthwise.norm",
                   block == 0 ? shape.strides[stage] : 1, true);
      x = net.unit(x, name + ".pointwise.conv", name + ".pointwise.norm", 1, true);
    }
  }
  return net.classify(x, "classifier");
}

// Three scales; the finest is dropped after a third of all layers, the next after two thirds.
class MsdNet {
 public:
  explicit MsdNet(const Reference& net) : net_(net) {}

  std::vector<at::Tensor> run(const at::Tensor& images, const std::vector<int>& block_layers) {
    int all = 0;
    for (const int layers : block_layers) all += layers;
    const int third = (all + 2) / 3;
    maps_.clear();
    maps_.push_back(unit(images, "first.scale0", 1));
    maps_.push_back(unit(maps_[0], "first.scale1", 2));
    maps_.push_back(unit(maps_[1], "first.scale2", 2));
    std::vector<at::Tensor> logits;
    int layer = 0;
    for (const int layers : block_layers) {
      for (int k = 0; k < layers; ++k) {
        const std::size_t first = static_cast<std::size_t>(layer / third);
        one_layer(layer + 1, first);
        if (layer > 0 && layer % third == 0) reduce(layer + 1, first);
        ++layer;
      }
      logits.push_back(answer("exit" + std::to_string(logits.size() + 1)));
    }
    return logits;
  }

 private:
  at::Tensor unit(const at::Tensor& x, const std::string& name, std::int64_t stride) const {
    return net_.unit(x, name + ".conv", name + ".norm", stride, false);
  }
  at::Tensor path(const at::Tensor& x, const std::string& name, std::int64_t stride) const {
    return unit(unit(x, name + ".bottleneck", 1), name, stride);
  }
  at::Tensor answer(const std::string& name) const {
    return net_.classify(unit(unit(maps_[2], name + ".first", 2), name + ".second", 2),
                         name + ".classifier");
  }

  // `first`: the finest scale that is still made.
  void one_layer(int number, std::size_t first) {
    const std::vector<at::Tensor> before = maps_;
    for (std::size_t scale = first; scale < 3; ++scale) {
      const std::string name = "layer" + std::to_string(number) + ".scale" + std::to_string(scale);
      std::vector<at::Tensor> parts(1, before[scale]);
      if (scale > 0 && before[scale - 1].defined()) {
        parts.push_back(path(before[scale - 1], name + ".down", 2));
      }
      parts.push_back(path(before[scale], name + ".same", 1));
      maps_[scale] = at::cat(parts, 1);
    }
    for (std::size_t scale = 0; scale < first; ++scale) maps_[scale] = at::Tensor();
  }

  void reduce(int number, std::size_t first) {
    const std::string name = "transition" + std::to_string(number) + ".scale";
    for (std::size_t scale = first; scale < 3; ++scale) {
      maps_[scale] = unit(maps_[scale], name + std::to_string(scale), 1);
    }
  }

  const Reference& net_;
  std::vector<at::Tensor> maps_;
};

void warm_up(FlexibleNet& net, const at::Tensor& images) {
  net.reset_statistics(Width());
  net.forward(images, {Width(), net.spec().exit_count()}, Pass::calibrate);
  net.set_calibrated(Width(), true);
}

// fp32 in another order of operations (layouts, pooling), which LibTorch's versions choose each in
// their own way: measured, both sides are up to 4e-5 of the largest logit from the same in fp64.
constexpr double kTolerance = 1e-4;

TEST(Reference, FullMobileNetsAreThoseWrittenByHand) {
  const std::vector<int> published{1, 2, 2, 6, 2};
  const std::map<std::string, MobileNet> shapes{
      {"slimmable-mobilenet-v1", {1, {1, 2, 2, 2, 2}, published}},
      {"slimmable-mobilenet-v1-imagenet", {2, {1, 2, 2, 2, 2}, published}},
      {"slimmable-mobilenet-v1-small", {1, {1, 2, 2, 1, 1}, {1, 1, 1, 1, 1}}},
      {"slimmable-mobilenet-v1-tiny", {2, {1, 2, 2, 1, 1}, {1, 1, 1, 1, 1}}}};
  for (const auto& [name, shape] : shapes) {
    const NetSpec spec = make_net(name, {});
    FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
    const at::Tensor images = random_images({4, 3, 32, 32});
    warm_up(net, images);
    const at::Tensor ours = net.forward(images, {Width(), 1}, Pass::evaluate)[0];
    EXPECT_TRUE(close(ours, mobilenet(Reference(net), shape, images), kTolerance)) << name;
  }
}

TEST(Reference, FullMsdNetsAreThoseWrittenByHand) {
  const std::vector<int> even{4, 2, 2, 2, 2, 2, 2};
  const std::map<std::string, std::vector<int>> shapes{{"msdnet", even},
                                                       {"msdnet-a", even},
                                                       {"msdnet-b", even},
                                                       {"msdnet-c", {1, 2, 3, 4, 5}},
                                                       {"msdnet-d", {4, 2, 2, 2, 2, 2, 2, 2, 2, 2}},
                                                       {"msdnet-e", {1, 2, 3, 4, 5, 6, 7}},
                                                       {"msdnet-tiny", {2, 1, 1}}};
  for (const NetEntry& entry : net_catalog()) {
    const bool is_here = entry.name.rfind("msdnet", 0) == 0;
    EXPECT_EQ(shapes.count(entry.name), is_here ? 1U : 0U) << entry.name;
  }
  for (const auto& [name, layers] : shapes) {
    const NetSpec spec = make_net(name, {});
    FlexibleNet net(spec, spec.widths, {}, 1, at::kCPU);
    const at::Tensor images = random_images({4, 3, 32, 32});
    warm_up(net, images);
    const auto ours = net.forward(images, {Width(), spec.exit_count()}, Pass::evaluate);
    const Reference reference(net);
    const auto theirs = MsdNet(reference).run(images, layers);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t k = 0; k < ours.size(); ++k) {
      EXPECT_TRUE(close(ours[k], theirs[k], kTolerance)) << name << " exit " << k + 1;
    }
  }
}

}  // namespace
}  // namespace concertina
