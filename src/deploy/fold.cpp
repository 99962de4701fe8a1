// Norms into the convolutions before them.
#include <map>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/deploy/plain_net.h"

namespace concertina::deploy {
namespace {

class Folder {
 public:
  explicit Folder(const PlainNet& net) : net_(net) {
    for (const NamedTensor& tensor : net.tensors) tensors_[tensor.name] = tensor.value;
    for (const Layer& layer : net.spec.layers) {
      for (const int input : layer.inputs) ++readers_[input];
    }
  }

  PlainNet fold() {
    PlainNet result{net_.spec, {}, net_.card};
    result.spec.layers.clear();
    const auto count = static_cast<int>(net_.spec.layers.size());
    for (int k = 0; k < count; ++k) {
      if (folds(k)) {
        place_.push_back(place_[static_cast<std::size_t>(layer(k).inputs.front())]);
        continue;
      }
      place_.push_back(static_cast<int>(result.spec.layers.size()));
      Layer copy = layer(k);
      for (int& input : copy.inputs) input = place_[static_cast<std::size_t>(input)];
      const bool has_norm = k + 1 < count && folds(k + 1);  // a norm stands right behind
      if (has_norm) copy.bias = true;
      add_tensors(k, has_norm ? k + 1 : -1, result.tensors);
      result.spec.layers.push_back(std::move(copy));
    }
    for (int& exit : result.spec.exits) exit = place_[static_cast<std::size_t>(exit)];
    return result;
  }

 private:
  const Layer& layer(int k) const { return net_.spec.layers[static_cast<std::size_t>(k)]; }

  // Layer k is a norm right behind a convolution that nobody else reads, and whose weights are not
  // to stay on their grid.
  bool folds(int k) const {
    if (layer(k).kind != LayerKind::norm || layer(k).inputs.front() != k - 1) return false;
    const LayerKind before = layer(k - 1).kind;
    if (layer(k - 1).bits != Width::kFullBits) return false;
    return (before == LayerKind::conv || before == LayerKind::depthwise) && readers_.at(k - 1) == 1;
  }

  at::Tensor tensor(int k, const char* what) const {
    const auto found = tensors_.find(layer(k).name + what);
    return found == tensors_.end() ? at::Tensor() : found->second.to(at::kDouble);
  }

  void add_tensors(int k, int norm, Tensors& into) const {
    if (norm < 0) {
      for (const NamedTensor& one : net_.tensors) {
        if (one.name.substr(0, one.name.rfind('/')) == layer(k).name) into.push_back(one);
      }
      return;
    }
    const at::Tensor inverse = at::rsqrt(at::add(tensor(norm, "/running_var"), kNormEpsilon));
    const at::Tensor factor = at::mul(tensor(norm, "/weight"), inverse);
    at::Tensor mean = tensor(norm, "/running_mean");
    if (layer(k).bias) mean = at::sub(mean, tensor(k, "/bias"));
    const at::Tensor bias = at::sub(tensor(norm, "/bias"), at::mul(mean, factor));
    const at::Tensor weight = at::mul(tensor(k, "/weight"), factor.view({-1, 1, 1, 1}));
    into.push_back({layer(k).name + "/weight", weight.to(at::kFloat), "out,in,height,width"});
    into.push_back({layer(k).name + "/bias", bias.to(at::kFloat), "channel"});
  }

  const PlainNet& net_;
  std::map<std::string, at::Tensor> tensors_;
  std::map<int, int> readers_;  // how many read a layer
  std::vector<int> place_;      // of each layer in the result
};

}  // namespace

PlainNet fold(const PlainNet& net) { return Folder(net).fold(); }

}  // namespace concertina::deploy
