#include "concertina/eval/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

// Each image has numbers of its own, so that no batch is too large for one sequence of them.
at::Tensor random_images(const NetSpec& spec, std::int64_t batch, at::Device device) {
  at::Tensor images = at::empty({batch, spec.in_channels, spec.in_height, spec.in_width});
  float* value = images.data_ptr<float>();
  for (std::int64_t image = 0; image < batch; ++image) {
    CounterRandom random(1, Stream::bench, 0, static_cast<std::uint64_t>(image));
    for (std::int64_t k = 0; k < images.numel() / batch; ++k) {
      *value++ = static_cast<float>(random.normal());
    }
  }
  return images.to(device);
}

void check_setting(const LatencySetting& setting) {
  if (setting.batch >= 1 && setting.warm_up >= 0 && setting.repetitions >= 1) return;
  throw ProgrammingError("latency of batches of " + std::to_string(setting.batch) + " with " +
                         std::to_string(setting.warm_up) + " passes to warm up and " +
                         std::to_string(setting.repetitions) +
                         " repetitions; expected at least 1, 0 and 1");
}

}  // namespace

Latency measure_latency(FlexibleNet& net, const LatencySetting& setting) {
  using Clock = std::chrono::steady_clock;
  check_setting(setting);
  const at::NoGradGuard guard;
  const at::Tensor images = random_images(net.spec(), setting.batch, net.device());
  const Subnet whole{Width(), net.spec().exit_count()};
  std::vector<double> seconds;
  for (int k = -setting.warm_up; k < setting.repetitions; ++k) {
    const auto start = Clock::now();
    const at::Tensor logits = net.forward(images, whole, Pass::evaluate, Exits::only)[0];
    logits[0][0].item<float>();  // waits for a device that works asynchronously
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    if (k >= 0) seconds.push_back(elapsed.count());
  }
  std::sort(seconds.begin(), seconds.end());
  const auto quantile = [&](double share) {
    const double place = share * static_cast<double>(seconds.size() - 1);
    return seconds[static_cast<std::size_t>(std::lround(place))];
  };
  return {seconds.front(), quantile(0.5), quantile(0.95), seconds.back(), setting.repetitions};
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return "unknown";
}

}  // namespace concertina
