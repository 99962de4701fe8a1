// Nets that look trained.
#pragma once

#include <string>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/deploy/plain_net.h"
#include "concertina/nets/catalog.h"

#include "support/tensors.h"

namespace concertina::deploy {

inline at::Tensor images_for(const NetSpec& spec, std::int64_t batch = 4) {
  return random_images({batch, spec.in_channels, spec.in_height, spec.in_width});
}

// No norm is the identity, no bias zero, and no statistic what it began as.
inline FlexibleNet example_net(const NetSpec& spec, NormSharing sharing = NormSharing::switchable) {
  const at::NoGradGuard guard;
  FlexibleNet net(spec, spec.widths, {sharing, 0.1}, 1, at::kCPU);
  at::manual_seed(5);
  for (const Width width : spec.widths) {
    net.reset_statistics(width);
    for (const Parameter& one : net.parameters()) {
      const bool is_small = one.axes == "channel" || one.axes == "segment";
      if (one.name.find("norm") == std::string::npos && !is_small) continue;
      at::Tensor(one.value.detach()).add_(at::randn(one.value.sizes()), 0.2);
    }
    net.forward(images_for(spec, 8), {width, spec.exit_count()}, Pass::calibrate);
    // A channel that hardly varied on so few images would make any order of sums visible.
    for (const Parameter& one : net.norms(width)) {
      if (one.name.find("running_var") != std::string::npos) at::Tensor(one.value).clamp_min_(0.01);
    }
    net.set_calibrated(width, true);
  }
  return net;
}

inline FlexibleNet example_net(const std::string& name,
                               NormSharing sharing = NormSharing::switchable) {
  return example_net(make_net(name, {10, 3, 16, 16}), sharing);
}

inline Card example_card() {
  Card card;
  card.submodel = "w0.500";
  card.mean = {0.5F, 0.25F, 0.1F};
  card.deviation = {0.2F, 0.3F, 0.4F};
  card.origin = {{"epoch", "7"}};
  card.accuracy = 0.75;
  card.setting.images = 2000;
  for (int k = 0; k < 10; ++k) card.classes.push_back("class " + std::to_string(k));
  return card;
}

// The sub-model of a net, its norms folded.
inline PlainNet example_plain(const FlexibleNet& net, const Subnet& subnet) {
  return fold(plain_net(net.extract(subnet, Exits::only), example_card()));
}

inline at::Tensor logits_of(FlexibleNet& net, const at::Tensor& images, const Subnet& subnet) {
  const at::NoGradGuard guard;
  return net.forward(images, subnet, Pass::evaluate, Exits::only)[0];
}

}  // namespace concertina::deploy
