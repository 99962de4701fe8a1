// The distillation plan: who teaches whom, with which criterion. Plain data; distill/ walks it.
// Source of the terms: docs/methods.md, Losses, and the section after it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "concertina/spec/net_spec.h"

namespace concertina {

// Sub-models by role. `label` teaches only. `next_larger` of (w, e) is (w, e+1), or at the last
// exit (next wider active width, last exit); `larger` are all that follow along that chain.
enum class Role { label, full, next_larger, larger, each, students, smallest };
// Students: each = every active sub-model; students = all but the full one; smallest; full.
// Teachers: label; full = (widest, last exit); next_larger; larger.

enum class Criterion { ce, soft_ce, kl };  // docs/methods.md, Losses
enum class Reduction { batchmean, elementmean, sum };
enum class GradientPolicy { stop, through };  // does the edge's gradient reach the teacher?

struct Edge {
  Role teacher = Role::label;
  Role student = Role::each;
  Criterion criterion = Criterion::ce;
  double weight = 1;
  double temperature = 1;
  Reduction reduction = Reduction::batchmean;
  int t_power = 0;  // the loss is multiplied by temperature^t_power: 0, 1 or 2
  GradientPolicy gradient = GradientPolicy::stop;
};

// One edge, in recipe syntax, every property written out:
//   next-larger -> each : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop
// A label edge takes ce and weight only. kl and soft-ce need reduction, t-power and gradient spelt
// out: nothing that changes numbers is implied; weight and temperature are 1 when left out. Only
// the label can teach the full sub-model. Throws UsageError naming the word and the nearest.
Edge parse_edge(std::string_view text);
std::string edge_text(const Edge& edge);

// One edge between two sub-models of a step.
struct Link {
  int edge = 0;  // index into DistillPlan::edges
  Subnet student;
  bool from_label = true;
  Subnet teacher;     // unless from_label
  double weight = 1;  // the edge's weight, shared among the teachers when the role names several
};

struct DistillPlan {
  std::vector<Edge> edges;

  // The links of a step in which `active` widths (any order) run, in the order in which they can be
  // walked: students from the widest to the narrowest, last exit first. A student whose
  // next_larger / larger / full teacher does not exist (it is the largest itself) gets no such
  // link; one that would be left with no link at all learns from the label with weight 1
  // (docs/methods.md, IPKD-TA), counted under the first label edge, or else under the edge it
  // stands in for.
  // `larger` shares its weight equally among the teachers, nearest first. A sub-model that no edge
  // names as a student gets no link.
  // Throws UsageError when the plan leaves the full sub-model without a label.
  std::vector<Link> links(const std::vector<Width>& active, int exits) const;

  // The largest sub-model of such a step that is nobody's student: it would be kept and measured
  // untrained. Throws as links().
  std::optional<Subnet> untaught(const std::vector<Width>& active, int exits) const;
};

}  // namespace concertina
