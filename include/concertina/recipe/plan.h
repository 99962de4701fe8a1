// The distillation plan: who teaches whom, with which criterion. Plain data; distill/ walks it.
// Source of the terms: docs/methods.md, Losses, and the sections after it. Text forms:
// docs/recipes.md, Edges.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "concertina/recipe/criterion.h"
#include "concertina/recipe/value_schedule.h"
#include "concertina/spec/net_spec.h"

namespace concertina {

// Sub-models by role. The largest of a step is the widest width at its last exit; after (w, e)
// comes (w, e-1), and after the first exit the next narrower width at its last exit.
enum class Role {
  label,        // teaches only
  full,         // the largest
  smallest,     // the last of that order
  each,         // every active sub-model; learns only
  students,     // all but the full one; learns only
  next_larger,  // of (w, e): (w, e+1), or at the last exit (next wider width, last exit); teaches
  larger,       // all that follow along that chain, nearest first; teaches only
  assistant,    // one of that chain, by Edge::rank; teaches only
  peers,        // every active sub-model but the student itself; teaches only
  submodel,     // the index-th from the smallest
  node,         // one of DistillPlan::nodes, by name
};

struct Endpoint {
  Role role = Role::label;
  int index = 1;     // submodel: from 1
  std::string node;  // node: its name

  friend bool operator==(const Endpoint& a, const Endpoint& b) {
    return a.role == b.role && a.index == b.index && a.node == b.node;
  }
};

// What answers besides the sub-models.
enum class NodeKind {
  external,     // a frozen net from a file; `from`
  mean_logits,  // of its members
  mean_probs,   // softmaxes at the node's temperature, averaged
  gate,         // weighted by a learned softmax of `tap` of the first member (docs/methods.md, ONE)
  attention,    // weighted by learned queries and keys of `tap` (docs/methods.md, OKDDip)
};

struct PlanNode {
  std::string name;
  NodeKind kind = NodeKind::external;
  std::vector<Endpoint> of;  // members; roles or nodes that stand before
  std::string tap;           // gate, attention
  double temperature = 1;    // mean_probs
  std::string from;          // external: FILE or RUN, then ':' and a sub-model; "" = not said yet
  std::string sha256;        // external: of that file; "" = not looked at yet
};

enum class Reduction { batchmean, elementmean, sum };
enum class GradientPolicy { stop, through };   // does the edge's gradient reach the teacher?
enum class Temper { both, teacher, student };  // whose logits the temperature divides
enum class Share { mean, sum };                // teachers of one edge: do they share its weight?

// Which images of a batch an edge acts on. `cutoff` is the selector's own number.
enum class Selector {
  all,
  teacher_right,      // the teacher's largest logit is the label's
  teacher_confident,  // its largest probability is above the cutoff
  student_wrong,      // the student's largest logit is not the label's
  correction,         // teacher right and student wrong
  student_unsure,     // the student's entropy is above cutoff * log(classes)
};
// What a batch's mean is over, when not all images are selected.
enum class Over { batch, selected };

// What is learned between a student's tap and a teacher's; belongs to the optimiser, never ships.
enum class Adapter {
  none,
  linear,   // of a feature [B, C]
  conv1x1,  // of a map
  bridge,   // 1x1 convolution, batch norm and ReLU of a map
};

struct Edge {
  Endpoint teacher;
  Endpoint student{Role::each, 1, ""};
  Criterion criterion = Criterion::ce;
  std::map<std::string, double> numbers;  // all of its criterion's
  ValueSchedule weight{1};
  ValueSchedule temperature{1};
  Temper temper = Temper::both;
  Reduction reduction = Reduction::batchmean;
  int t_power = 0;  // the loss is multiplied by temperature^t_power: 0, 1 or 2
  GradientPolicy gradient = GradientPolicy::stop;
  Share share = Share::mean;
  int drop = 0;           // so many of several teachers are left out of a step, at random
  ValueSchedule rank{0};  // assistant: its place on the chain, 0 = the next larger, 1 = the full
  Selector select = Selector::all;
  double cutoff = 0.5;
  Over over = Over::batch;

  std::string tap;          // of the student; features and pairs
  std::string teacher_tap;  // of the teacher
  Adapter adapter = Adapter::none;

  double number(const char* name) const { return numbers.at(name); }
};

// The names that edges of a plan can use beside the roles.
using Names = std::vector<std::string>;

// Edges, in recipe syntax, with every property that is not at its neutral value:
//   next-larger -> each : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop
// Nothing that changes numbers is implied: a criterion that takes reduction, t-power or gradient
// needs them spelt out. A preset (recipe/preset.h) in the criterion's place stands for the edges of
// a published setting. Throws UsageError naming the word and the nearest.
std::vector<Edge> parse_edges(std::string_view text, const Names& nodes = {});
Edge parse_edge(std::string_view text, const Names& nodes = {});  // where there is just one
std::string edge_text(const Edge& edge);

// "ensemble : mean-probs of=a,b temperature=4"; `nodes`: those before it. Throws UsageError.
PlanNode parse_node(std::string_view text, const Names& nodes = {});
std::string node_text(const PlanNode& node);

// Where in a run a step is.
struct PlanStep {
  std::vector<Width> active;  // the widths that run, in any order
  int exits = 1;
  Moment now;
  std::uint64_t seed = 0;  // with `step`, what decides the teachers that Edge::drop leaves out
  std::int64_t step = 0;
};

// One end of a link.
struct LinkEnd {
  enum class Kind { label, subnet, node };
  Kind kind = Kind::label;
  Subnet subnet;  // subnet
  int node = 0;   // node: index into DistillPlan::nodes

  static LinkEnd of(const Subnet& subnet) { return {Kind::subnet, subnet, 0}; }
  static LinkEnd of_node(int node) { return {Kind::node, {}, node}; }
  friend bool operator==(const LinkEnd& a, const LinkEnd& b) {
    return a.kind == b.kind && a.subnet == b.subnet && a.node == b.node;
  }
};

// One edge between two ends of a step.
struct Link {
  int edge = 0;  // index into DistillPlan::edges
  LinkEnd student, teacher;
  double weight = 1;       // the edge's now, shared among the teachers when the edge says so
  double temperature = 1;  // the edge's now

  bool from_label() const { return teacher.kind == LinkEnd::Kind::label; }
};

struct DistillPlan {
  std::vector<PlanNode> nodes;
  std::vector<Edge> edges;

  // The links of a step: students from the widest to the narrowest, last exit first; then nodes. A
  // student for which no teacher of a role exists (it is the largest itself) gets no such link; a
  // sub-model that would be left with no link at all learns from the label with weight 1
  // (docs/methods.md, IPKD-TA), counted under the first label edge, or else under the edge it
  // stands in for. A sub-model that no edge names as a student gets no link.
  // Throws UsageError when the plan leaves the full sub-model without a teacher, or has a student
  // that no sub-model is a member of.
  std::vector<Link> links(const PlanStep& step) const;

  // Of a node of kind other than external: its members in that step, largest first.
  std::vector<LinkEnd> members(const PlanNode& node, const PlanStep& step) const;
  // The sub-models that an end depends on, each once.
  std::vector<Subnet> subnets_of(const LinkEnd& end, const PlanStep& step) const;

  // The largest sub-model of such a step that learns nothing: no edge names it as a student, and no
  // node that learns has it as a member. It would be kept and measured untrained. Throws as
  // links().
  std::optional<Subnet> untaught(const PlanStep& step) const;

  Names node_names() const;
};

// The sub-models of a step, largest first.
std::vector<Subnet> largest_first(std::vector<Width> active, int exits);
// Whether the endpoint names the sub-model when all of `subnets` run, largest first.
bool names(const Endpoint& endpoint, const Subnet& subnet, const std::vector<Subnet>& subnets);
// "w0.500", "label", or the node's name.
std::string end_text(const NetSpec& net, const DistillPlan& plan, const LinkEnd& end);

}  // namespace concertina
