#include "concertina/train/run_state.h"

#include <algorithm>
#include <map>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include "concertina/core/error.h"
#include "concertina/core/hash.h"
#include "concertina/eval/latency.h"
#include "concertina/kernels/thread_pool.h"

namespace concertina {
namespace {

NamedTensor stored(const Parameter& parameter) {
  return {parameter.name, parameter.value.detach().to(at::kCPU).contiguous().clone(),
          parameter.axes};
}

Tensors stored_all(const std::vector<Parameter>& parameters) {
  Tensors tensors;
  for (const Parameter& parameter : parameters) tensors.push_back(stored(parameter));
  return tensors;
}

// Copies by name; both sides have to have the same names and shapes.
void load(const Tensors& from, const std::vector<Parameter>& to, const std::string& what) {
  const at::NoGradGuard guard;
  std::map<std::string, at::Tensor> found;
  for (const NamedTensor& tensor : from) found[tensor.name] = tensor.value;
  for (const Parameter& parameter : to) {
    const auto tensor = found.find(parameter.name);
    if (tensor == found.end()) {
      throw DataError("run file: " + what + " lacks \"" + parameter.name + "\"");
    }
    if (tensor->second.sizes() != parameter.value.sizes()) {
      throw DataError("run file: " + what + " \"" + parameter.name +
                      "\" has the wrong shape for the net");
    }
    at::Tensor(parameter.value.detach()).copy_(tensor->second);
  }
  if (from.size() != to.size()) {
    throw DataError("run file: " + what + " has " + std::to_string(from.size()) +
                    " tensors; the net has " + std::to_string(to.size()));
  }
}

std::string bytes_hash(const Dataset& dataset) {
  std::string hashes;
  for (const Split* split : {&dataset.train, &dataset.test}) {
    if (split->size() == 0) continue;
    const at::Tensor images = split->images.contiguous();
    const at::Tensor labels = split->labels.contiguous();
    hashes += sha256_hex({static_cast<const char*>(images.data_ptr()), images.nbytes()});
    hashes += sha256_hex({static_cast<const char*>(labels.data_ptr()), labels.nbytes()});
  }
  return sha256_hex(hashes);
}

bool has_line(const std::string& environment, const std::string& key, const std::string& value) {
  return environment.find("\n" + key + " = " + value + "\n") != std::string::npos;
}

}  // namespace

NetSettings net_settings(const Recipe& recipe) {
  NormSharing sharing = NormSharing::switchable;
  if (recipe.norm == NormMode::shared) sharing = NormSharing::shared;
  if (recipe.norm == NormMode::calibrated) sharing = NormSharing::calibrated;
  return {sharing, recipe.norm_momentum,
          recipe.flow == FlowMode::sum ? GradientFlow::sum : GradientFlow::equilibrium};
}

CalibrationSetting calibration_setting(const Recipe& recipe) {
  return {recipe.calibration_images, recipe.calibration_batch, recipe.seed};
}

FlexibleNet net_of_run(const RunState& state, const Recipe& recipe, at::Device device) {
  FlexibleNet net(state.net, state.widths, net_settings(recipe), recipe.seed, device);
  // A width of fewer bits that was calibrated afterwards is no reason to refuse the run.
  const bool plain = any_quantized(state.widths);
  if (device.is_cpu()) net.set_engine(plain ? Engine::plain : recorded_engine(state.environment));
  give_threads_to(net.engine());
  load(state.weights, net.weights(), "the weights");
  for (const NormBank& bank : state.norms) {
    net.reset_statistics(bank.width);
    load(bank.values, net.norms(bank.width), "the norms of " + bank.width.label());
    net.set_calibrated(bank.width, bank.calibrated);
  }
  return net;
}

namespace {

// A sub-model on its own, without its weights yet.
FlexibleNet small_net(const RunState& state, const Subnet& subnet, at::Device device) {
  const ResolvedNet inside = resolve(state.net, subnet, Exits::only);
  FlexibleNet net(extract_spec(state.net, inside), {Width()}, {}, 0, device);
  if (device.is_cpu()) net.set_engine(recorded_engine(state.environment));
  net.set_calibrated(Width(), true);
  return net;
}

}  // namespace

FlexibleNet best_of_run(const RunState& state, const SubnetState& submodel, at::Device device) {
  const std::string id = subnet_id(state.net, submodel.subnet);
  if (!submodel.best) {
    throw UsageError("sub-model " + id +
                     " has no best checkpoint (no validation images, or no epoch finished)");
  }
  const FlexibleNet net = small_net(state, submodel.subnet, device);
  load(submodel.best->weights, net.weights(), "the best weights of " + id);
  load(submodel.best->norm, net.norms(Width()), "the best norms of " + id);
  return net;
}

FlexibleNet net_of_snapshot(const RunState& state, const SnapshotState& copy, at::Device device) {
  const FlexibleNet net = small_net(state, copy.subnet, device);
  load(copy.weights, net.weights(), "the weights of snapshot " + copy.node);
  load(copy.norm, net.norms(Width()), "the norms of snapshot " + copy.node);
  return net;
}

void copy_state(const FlexibleNet& from, FlexibleNet& to) {
  load(stored_all(from.weights()), to.weights(), "the weights");
  for (const Width width : from.bank_widths()) {
    load(stored_all(from.norms(width)), to.norms(width), "the norms of " + width.label());
    to.set_calibrated(width, from.is_calibrated(width));
  }
}

std::vector<Parameter> trained_parameters(const FlexibleNet& net, const AuxiliaryModules& parts) {
  std::vector<Parameter> all = net.parameters();
  for (const Parameter& parameter : parts.parameters()) all.push_back(parameter);
  return all;
}

void capture(const FlexibleNet& net, const AuxiliaryModules& parts, const Sgd& sgd,
             RunState& state) {
  const at::NoGradGuard guard;
  state.weights = stored_all(net.weights());
  state.norms.clear();
  for (const Width width : net.bank_widths()) {
    state.norms.push_back({width, net.is_calibrated(width), stored_all(net.norms(width))});
  }
  state.auxiliary_modules = stored_all(parts.parameters());
  state.momentum = stored_all(sgd.momentum());
}

void restore(const RunState& state, AuxiliaryModules& parts) {
  load(state.auxiliary_modules, parts.parameters(), "the plan's learned tensors");
}

void restore_momentum(const RunState& state, Sgd& sgd) {
  load(state.momentum, sgd.momentum(), "the optimizer's momentum");
}

BestState snapshot(const FlexibleNet& net, const Subnet& subnet) {
  const FlexibleNet small = net.extract(subnet, Exits::only);
  BestState best;
  best.weights = stored_all(small.weights());
  best.norm = stored_all(small.norms(Width()));
  return best;
}

PreparedData prepare_data(Dataset dataset, const std::string& argument, std::int64_t count,
                          const Recipe& recipe) {
  limit(dataset, count);
  PreparedData data;
  const std::int64_t validation = std::min(recipe.validation, dataset.train.size() / 5);
  HeldOut parts =
      hold_out(dataset.train, validation, static_cast<int>(dataset.classes.size()), recipe.seed);
  data.train = std::move(parts.train);
  data.validation = std::move(parts.validation);
  data.test = dataset.test;
  if (recipe.sensor == Sensor::gray) {
    data.original = data.train;
    std::uint32_t part = 0;
    for (Split* split : {&data.train, &data.validation, &data.test}) {
      *split = gray(*split, recipe.sensor_noise, recipe.seed, part++);
    }
  }
  data.statistics = pixel_statistics(data.train);
  DataDescription& description = data.description;
  description.argument = argument;
  description.limit = count;
  description.train_images = data.train.size();
  description.validation_images = data.validation.size();
  description.test_images = data.test.size();
  description.classes = dataset.classes;
  description.mean = data.statistics.mean;
  description.deviation = data.statistics.deviation;
  description.sha256 = bytes_hash(dataset);
  return data;
}

PreparedData prepare_data(Dataset dataset, const RunState& state, const Recipe& recipe) {
  const std::string& argument = state.data.argument;
  PreparedData data = prepare_data(std::move(dataset), argument, state.data.limit, recipe);
  if (data.description.sha256 != state.data.sha256) {
    throw DataError("dataset \"" + argument + "\" is not what the run was fed: its SHA-256 is " +
                    data.description.sha256 + ", the run's " + state.data.sha256);
  }
  return data;
}

std::string environment_text(at::Device device, Engine engine, Precision precision) {
  return "libtorch = " TORCH_VERSION "\nthreads = " + std::to_string(kernels::thread_count()) +
         "\ndevice = " + device.str() + "\nprocessor = " + processor_name() +
         "\nengine = " + engine_name(engine) + "\nprecision = " + precision_name(precision) + "\n";
}

Engine recorded_engine(const std::string& environment) {
  return has_line(environment, "engine", engine_name(Engine::fused)) ? Engine::fused
                                                                     : Engine::plain;
}

Precision recorded_precision(const std::string& environment) {
  return has_line(environment, "precision", precision_name(Precision::bf16)) ? Precision::bf16
                                                                             : Precision::fp32;
}

}  // namespace concertina
