#include "concertina/deploy/export.h"

#include <algorithm>
#include <limits>
#include <map>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/deploy/flexible_model.h"
#include "concertina/deploy/onnx.h"
#include "concertina/deploy/torchscript.h"
#include "concertina/nn/frozen_net.h"
#include "concertina/store/state_dict.h"

#include "tensors.h"

namespace concertina::deploy {
namespace {

namespace fs = std::filesystem;

at::Tensor run(const PlainNet& net, const at::Tensor& images) {
  return FrozenNet(net_of(net), {}, Exits::only, make_execution_contexts(1))
      .forward(images)
      .front();
}

bool is_norm(const NetSpec& net, const std::string& layer) {
  return std::any_of(net.layers.begin(), net.layers.end(), [&](const Layer& one) {
    return one.kind == LayerKind::norm && one.name == layer;
  });
}

StateDict state_dict_of(const PlainNet& net) {
  StateDict state;
  for (const NamedTensor& tensor : net.tensors) {
    state.tensors.push_back({state_dict_name(net.spec, tensor.name), tensor.value, {}});
    // PyTorch's batch norm has a counter besides, and is not loaded without.
    const std::size_t slash = tensor.name.rfind('/');
    const std::string layer = tensor.name.substr(0, slash);
    if (tensor.name.substr(slash) != "/running_var" || !is_norm(net.spec, layer)) continue;
    const std::string counter = layer + "/num_batches_tracked";
    state.tensors.push_back({state_dict_name(net.spec, counter), at::zeros({}, at::kLong), {}});
  }
  state.metadata = facts(net);
  return state;
}

// The tensors of `like`, as the file has them.
PlainNet read_state_dict_net(const fs::path& file, const PlainNet& like) {
  std::map<std::string, at::Tensor> found;
  for (const NamedTensor& tensor : read_state_dict(file).tensors) found[tensor.name] = tensor.value;
  PlainNet net = like;
  for (NamedTensor& tensor : net.tensors) {
    tensor.value = found[state_dict_name(net.spec, tensor.name)];
    if (!tensor.value.defined())
      throw DataError(file.string() + ": lacks tensor \"" + tensor.name + "\"");
  }
  return net;
}

// What stands in the file says of the images.
at::Tensor answers(const fs::path& file, Format format, const PlainNet& net,
                   const at::Tensor& images) {
  switch (format) {
    case Format::h5: {
      const FlexibleModel model = FlexibleModel::load(file, 1);
      return model.forward(images, model.submodels().front().subnet);
    }
    case Format::onnx:
      return run_onnx(read_file(file), images);
    case Format::torchscript:
      return run_torchscript(read_file(file), images);
    case Format::safetensors:
    case Format::pt:
      break;
  }
  return run(read_state_dict_net(file, net), images);
}

std::string bytes_of(const PlainNet& net, Format format) {
  switch (format) {
    case Format::onnx:
      return onnx_bytes(net);
    case Format::torchscript:
      return torchscript_bytes(net);
    case Format::safetensors:
      return safetensors_bytes(state_dict_of(net));
    case Format::pt:
      return pytorch_bytes(state_dict_of(net));
    case Format::h5:
      break;
  }
  return {};
}

// The largest difference, as a share of the largest logit; NaN where one is not finite.
double difference(const at::Tensor& found, const at::Tensor& expected) {
  if (found.sizes() != expected.sizes()) return std::numeric_limits<double>::infinity();
  const double most = at::max(at::abs(at::sub(found, expected))).item<double>();
  const double scale = at::max(at::abs(expected)).item<double>();
  return scale > 0 ? most / scale : most;
}

double tolerance_of(const NetSpec& net) {
  const bool jumps = std::any_of(net.layers.begin(), net.layers.end(), [](const Layer& layer) {
    return is_segmented(layer) || layer.bits != Width::kFullBits;
  });
  return jumps ? kJumpTolerance : kExportTolerance;
}

void add_proof(const std::string& what, const at::Tensor& found, const at::Tensor& expected,
               Proof& proof) {
  const double of_this = difference(found, expected);
  if (!(of_this <= proof.tolerance)) {
    throw DataError(what + " does not answer as the net does: logits differ by " +
                    format_real(of_this) + " of the largest, expected at most " +
                    format_real(proof.tolerance) + "; nothing was written");
  }
  proof.images = expected.size(0);
  proof.difference = std::max(proof.difference, of_this);
}

void take_card(const Card& card, ModelState& model) {
  model.classes = card.classes;
  model.mean = card.mean;
  model.deviation = card.deviation;
  model.setting = card.setting;
  model.origin = card.origin;
  model.origin.insert(model.origin.begin(), {"submodel", card.submodel});
}

// Whether every width has the tensor for itself.
bool in_bank(const NetSpec& net, const std::string& tensor) {
  const std::size_t slash = tensor.rfind('/');
  return is_norm(net, tensor.substr(0, slash)) || tensor.compare(slash, 9, "/running_") == 0;
}

}  // namespace

const std::vector<FormatEntry>& formats() {
  static const std::vector<FormatEntry> all = {
      {Format::h5, "h5", ".h5"},
      {Format::onnx, "onnx", ".onnx"},
      {Format::torchscript, "torchscript", ".torchscript.pt"},
      {Format::safetensors, "safetensors", ".safetensors"},
      {Format::pt, "pt", ".pt"}};
  return all;
}

ModelState model_of(const PlainNet& net) {
  ModelState model;
  model.net = net.spec;
  model.norms = {{Width(), true, {}}};
  for (const NamedTensor& tensor : net.tensors) {
    (in_bank(net.spec, tensor.name) ? model.norms.front().values : model.weights).push_back(tensor);
  }
  model.submodels = {unmeasured(net.spec, {})};
  model.submodels.front().accuracy = net.card.accuracy;
  model.submodels.front().loss = net.card.loss;
  take_card(net.card, model);
  return model;
}

ModelState model_of(const FlexibleNet& net, const Card& card, std::vector<Measurement> submodels) {
  ModelState model;
  model.net = net.spec();
  for (NamedTensor& tensor : stored(net.weights())) {
    if (!in_bank(model.net, tensor.name)) model.weights.push_back(std::move(tensor));
  }
  for (const Width width : net.bank_widths()) {
    if (net.is_calibrated(width)) model.norms.push_back({width, true, stored(net.norms(width))});
  }
  model.submodels = std::move(submodels);
  take_card(card, model);
  return model;
}

Proof write_net(const PlainNet& net, Format format, const fs::path& file, const Samples& samples) {
  Proof proof;
  proof.tolerance = tolerance_of(net.spec);
  const auto check = [&](const fs::path& written) {
    add_proof(file.string(), answers(written, format, net, samples.images), samples.logits.front(),
              proof);
  };
  if (format == Format::h5) {
    write_model(file, model_of(net), check);
  } else {
    replace_file(file, {bytes_of(net, format)}, check);
  }
  return proof;
}

Proof write_all(const ModelState& model, const fs::path& file, const Samples& samples) {
  Proof proof;
  proof.tolerance = tolerance_of(model.net);
  for (const NormBank& bank : model.norms) {
    if (bank.width.is_quantized()) proof.tolerance = kJumpTolerance;
  }
  write_model(file, model, [&](const fs::path& written) {
    const FlexibleModel read = FlexibleModel::load(written, 1);
    for (std::size_t k = 0; k < read.submodels().size(); ++k) {
      const Measurement& one = read.submodels()[k];
      add_proof(file.string() + ", " + one.id, read.forward(samples.images, one.subnet),
                samples.logits.at(k), proof);
    }
  });
  return proof;
}

}  // namespace concertina::deploy
