#include "concertina/eval/latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <vector>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/random.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

at::Tensor random_images(const NetSpec& spec, std::int64_t batch, at::Device device) {
  at::Tensor images = at::empty({batch, spec.in_channels, spec.in_height, spec.in_width});
  CounterRandom random(1, Stream::bench);
  float* values = images.data_ptr<float>();
  for (std::int64_t k = 0; k < images.numel(); ++k) values[k] = static_cast<float>(random.normal());
  return images.to(device);
}

}  // namespace

Latency measure_latency(FlexibleNet& net, const LatencySetting& setting) {
  using Clock = std::chrono::steady_clock;
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
