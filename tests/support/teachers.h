// Teachers for the external nodes and the snapshots of a plan: untrained full nets, each of its own
// seed.
#pragma once

#include "concertina/distill/partition.h"
#include "concertina/distill/teacher.h"
#include "concertina/nets/catalog.h"
#include "concertina/recipe/plan.h"

#include "support/tensors.h"

namespace concertina::support {

// Of the net's own kind. The teachers of a net of devices are ordinary ones, and which of their
// filters are a part is written into the plan.
inline Teachers untrained_teachers(DistillPlan& plan, const NetSpec& net) {
  const bool has_parts = !plan.names().filters.empty();
  const NetInput input{net.classes, net.in_channels, net.in_height, net.in_width};
  const NetSpec spec = has_parts ? make_net("slimmable-mobilenet-v1-tiny", input) : net;
  Teachers teachers;
  std::uint64_t seed = 100;
  for (PlanNode& node : plan.nodes) {
    node.by = Partition::bisection;  // of any activity; communities have to be there
    if (!is_frozen(node)) continue;
    FlexibleNet one(spec, {Width()}, {}, ++seed, at::kCPU);
    one.set_calibrated(Width(), true);
    teachers[node.name] = net_teacher(std::move(one), {Width(), spec.exit_count()}, {}, {});
  }
  choose_filters(plan, teachers, random_images({8, net.in_channels, net.in_height, net.in_width}));
  return teachers;
}

// What a net needs besides, to be taught by this plan.
inline std::vector<std::string> net_options(const std::string& recipe) {
  if (recipe == "nonn") return {"part-channels=64-64-64-64"};
  return {};
}

}  // namespace concertina::support
