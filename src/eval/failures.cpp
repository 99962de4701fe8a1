#include "concertina/eval/failures.h"

#include <algorithm>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

// What every image of the loader makes each device send, averaged over the map, and its label.
struct Sent {
  std::vector<at::Tensor> features;  // of each device [N, C]
  at::Tensor labels;                 // [N]
};

Sent ask_devices(FlexibleNet& net, const DeviceNet& devices, const EvalLoader& loader,
                 const EvalProgress& progress) {
  std::vector<std::string> taps;
  for (const Device& device : devices.devices) taps.push_back(device.sends);
  std::vector<std::vector<at::Tensor>> features(taps.size());
  std::vector<at::Tensor> labels;
  for (std::int64_t position = 0; position < loader.batches(); ++position) {
    const Batch batch = loader.get(position);
    const auto answers = net.forward(batch.images, {Width(), 1}, Pass::evaluate, Exits::only, taps);
    for (std::size_t k = 0; k < taps.size(); ++k) {
      features[k].push_back(at::mean(answers[k + 1], {2, 3}));
    }
    labels.push_back(batch.labels);
    if (progress && !progress(position + 1, loader.batches())) return {};
  }
  Sent sent{{}, at::cat(labels)};
  for (const auto& batches : features) sent.features.push_back(at::cat(batches));
  return sent;
}

at::Tensor weight_of(const FlexibleNet& net, const std::string& name) {
  for (const Parameter& one : net.weights()) {
    if (one.name == name) return one.value;
  }
  throw UsageError("net \"" + net.spec().name + "\" has no " + name);
}

// How many sets of `count` of `all` there are, or kMostFailureSets + 1 if more than that.
std::int64_t sets_of(int all, int count) {
  std::int64_t sets = 1;
  for (int k = 1; k <= count; ++k) {
    sets = sets * (all - count + k) / k;
    if (sets > kMostFailureSets) return kMostFailureSets + 1;
  }
  return sets;
}

// The next set of as many numbers below `all`; false after the last.
bool advance(std::vector<int>& set, int all) {
  for (std::size_t k = set.size(); k-- > 0;) {
    const int most = all - static_cast<int>(set.size() - k);
    if (set[k] == most) continue;
    ++set[k];
    for (std::size_t later = k + 1; later < set.size(); ++later) set[later] = set[later - 1] + 1;
    return true;
  }
  return false;
}

}  // namespace

at::Tensor average_parts(const std::vector<at::Tensor>& sent, const std::vector<Device>& devices,
                         int parts, const std::vector<bool>& alive) {
  std::vector<at::Tensor> joined;
  for (int part = 0; part < parts; ++part) {
    std::vector<at::Tensor> answers;
    at::Tensor nothing;
    for (std::size_t k = 0; k < devices.size(); ++k) {
      if (devices[k].part != part) continue;
      nothing = sent[k];
      if (alive[k]) answers.push_back(sent[k]);
    }
    joined.push_back(answers.empty() ? at::zeros_like(nothing) : at::mean(at::stack(answers), 0));
  }
  return at::cat(joined, 1);
}

void check_failures(const NetSpec& net, int count) {
  const int all = static_cast<int>(devices_of(net).devices.size());
  const std::string what = std::to_string(count) + " failed of the " + std::to_string(all) +
                           " devices of net \"" + net.name + "\"";
  if (count < 1 || count >= all) {
    throw UsageError(what + "; expected 1 to " + std::to_string(all - 1));
  }
  if (sets_of(all, count) > kMostFailureSets) {
    throw UsageError(what + ": more than " + std::to_string(kMostFailureSets) +
                     " sets; expected fewer failures");
  }
}

std::vector<FailureScore> evaluate_failures(FlexibleNet& net, const EvalLoader& loader, int count,
                                            const EvalProgress& progress) {
  check_failures(net.spec(), count);
  check_has_images(loader);
  const DeviceNet devices = devices_of(net.spec());
  const at::NoGradGuard guard;
  const Sent sent = ask_devices(net, devices, loader, progress);
  if (sent.features.empty()) return {};
  const at::Tensor weight = weight_of(net, devices.classifier + "/weight");
  const at::Tensor bias = weight_of(net, devices.classifier + "/bias");
  const int all = static_cast<int>(devices.devices.size());
  std::vector<int> failed;
  for (int k = 0; k < count; ++k) failed.push_back(k);
  std::vector<FailureScore> scores;
  do {
    std::vector<bool> alive(static_cast<std::size_t>(all), true);
    for (const int device : failed) alive[static_cast<std::size_t>(device)] = false;
    const at::Tensor logits = at::linear(
        average_parts(sent.features, devices.devices, devices.parts, alive), weight, bias);
    const at::Tensor hits = at::eq(at::argmax(logits, 1), sent.labels);
    scores.push_back({failed, at::mean(hits.to(at::kDouble)).item<double>()});
  } while (advance(failed, all));
  return scores;
}

}  // namespace concertina
