// Teachers for the external nodes and the snapshots of a plan: untrained full nets, each of its own
// seed.
#pragma once

#include "concertina/distill/teacher.h"
#include "concertina/recipe/plan.h"

namespace concertina::support {

inline Teachers untrained_teachers(const DistillPlan& plan, const NetSpec& spec) {
  Teachers teachers;
  std::uint64_t seed = 100;
  for (const PlanNode& node : plan.nodes) {
    if (!is_frozen(node)) continue;
    FlexibleNet net(spec, {Width()}, {}, ++seed, at::kCPU);
    net.set_calibrated(Width(), true);
    teachers[node.name] = net_teacher(std::move(net), {Width(), spec.exit_count()}, {}, {});
  }
  return teachers;
}

}  // namespace concertina::support
