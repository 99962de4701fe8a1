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
  snapshot,     // a frozen copy of its one member, taken when the stage `at` begins
  mean_logits,  // of its members
  mean_probs,   // softmaxes at the node's temperature, averaged
  gate,         // weighted by a learned softmax of `tap` of the first member (docs/methods.md, ONE)
  attention,    // weighted by learned queries and keys of `tap` (docs/methods.md, OKDDip)
  filters,      // `tap` of its one member, an external node: the filters of a part of that map
};

// How a map's filters fall into parts: distill/partition.h.
enum class Partition { communities, bisection };

struct PlanNode {
  std::string name;
  NodeKind kind = NodeKind::external;
  std::vector<Endpoint> of;             // members; roles or nodes that stand before
  std::string tap;                      // gate, attention, filters
  double temperature = 1;               // mean_probs
  std::string at;                       // snapshot: a stage
  std::string from;                     // external: FILE or RUN, then ':' and a sub-model; "" = not
                                        // said yet
  std::string sha256;                   // external: of that file; "" = not looked at yet
  Partition by = Partition::bisection;  // filters
  int parts = 1;                        // filters
  int part = 0;                         // filters: counted from 1; 0 = all, one behind the other
  std::vector<std::vector<int>> channels;  // filters: of each part; empty = not found yet
};

// A net that learns nothing here.
inline bool is_frozen(const PlanNode& node) {
  return node.kind == NodeKind::external || node.kind == NodeKind::snapshot;
}

// Which images an end of an edge looks at, instead of the step's own.
enum class ViewKind {
  plain,      // the batch's images before augmentation
  augmented,  // augmented by another draw
  original,   // as the data set has them, where the run's sensor is another
  gray,       // every channel the mean of all, plus normal noise of deviation `noise` (pixels 0..1)
  attack,     // moved to raise the student's cross-entropy (docs/methods.md, Adversarial images)
  replay,     // moved by what each replay of a batch has shown ("free" adversarial
              // training)
};
// The norms while an attack looks for its images.
enum class AttackNorm {
  batch,    // statistics of the batch; nothing is kept
  running,  // the running statistics
  update,   // of the batch, and the running ones move, as in ARD's code
};
struct PlanView {
  std::string name;
  ViewKind kind = ViewKind::plain;
  std::map<std::string, double> numbers;  // all of its kind's
  AttackNorm norm = AttackNorm::batch;

  double number(const char* key) const { return numbers.at(key); }
};

// A part of the run. Its schedules, the learning rate's too, run from its own start to its end, and
// momentum starts anew; weights are handed over.
struct PlanStage {
  std::string name;
  double share = 1;                // of the run's steps
  double lr = 1;                   // times the recipe's
  std::vector<std::string> train;  // names of layers begin with one of these; empty = all of them
  bool fresh = false;              // the net's weights start anew
  bool sparse = true;              // the optimizer's sparsity and proximal step act
  double prune = 0;                // before it: this share of the channels is cut off (nn/prune.h)
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

// What is learned between a student's tap and a teacher's; belongs to the optimizer, never ships.
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
  std::string view;             // the student's images, by a view's name; "" = the step's
  std::string teacher_view;     // the teacher's
  std::vector<std::string> in;  // the stages in which it acts; empty = all

  double number(const char* name) const { return numbers.at(name); }
};

using Names = std::vector<std::string>;
// The names that edges of a plan can use beside the roles.
struct PlanNames {
  Names nodes, views, stages;
  Names externals, filters;  // those of the nodes that are of this kind
  Names frozen = {};         // and those that no gradient can reach
};

// Edges, in recipe syntax, with every property that is not at its neutral value:
//   next-larger -> each : kl weight=1 temperature=4 reduction=batchmean t-power=2 gradient=stop
// Nothing that changes numbers is implied: a criterion that takes reduction, t-power or gradient
// needs them spelt out. A preset (recipe/preset.h) in the criterion's place stands for the edges of
// a published setting. Throws UsageError naming the word and the nearest.
std::vector<Edge> parse_edges(std::string_view text, const PlanNames& known = {});
Edge parse_edge(std::string_view text, const PlanNames& known = {});  // where there is just one
std::string edge_text(const Edge& edge);

// "ensemble : mean-probs of=a,b temperature=4"; `known`: what stands before it. All throw
// UsageError.
PlanNode parse_node(std::string_view text, const PlanNames& known = {});
std::string node_text(const PlanNode& node);
// "adversarial : attack epsilon=0.031 step=0.008 steps=10 random-start=1 norm=batch"
PlanView parse_view(std::string_view text, const Names& views = {});
std::string view_text(const PlanView& view);
// "hints : share=0.4 lr=0.1 train=stage1,stage2"
PlanStage parse_stage(std::string_view text, const Names& stages = {});
std::string stage_text(const PlanStage& stage);

// Where in a run a step is.
struct PlanStep {
  std::vector<Width> active;  // the widths that run, in any order
  int exits = 1;
  int stage = 0;           // index into DistillPlan::stages; 0 where there are none
  Moment now;              // in the stage
  std::uint64_t seed = 0;  // with `step`, what decides the teachers that Edge::drop leaves out
  std::int64_t step = 0;
};

// One end of a term.
struct TermEnd {
  enum class Kind { label, subnet, node };
  Kind kind = Kind::label;
  Subnet subnet;  // subnet
  int node = 0;   // node: index into DistillPlan::nodes
  int view = -1;  // index into DistillPlan::views; -1 = the step's images

  static TermEnd of(const Subnet& subnet) { return {Kind::subnet, subnet, 0, -1}; }
  static TermEnd of_node(int node) { return {Kind::node, {}, node, -1}; }
  bool is_same(const TermEnd& other) const {  // whatever they look at
    return kind == other.kind && subnet == other.subnet && node == other.node;
  }
};

// One edge between two ends of a step.
struct LossTerm {
  int edge = 0;           // index into DistillPlan::edges
  bool fallback = false;  // the label stands in for a teacher that is missing; see edge_of
  TermEnd student, teacher;
  double weight = 1;       // the edge's now, shared among the teachers when the edge says so
  double temperature = 1;  // the edge's now

  bool from_label() const { return teacher.kind == TermEnd::Kind::label; }
};

struct DistillPlan {
  std::vector<PlanNode> nodes;
  std::vector<PlanView> views;
  std::vector<PlanStage> stages;
  std::vector<Edge> edges;
  bool averages = false;  // the terms' weights are divided by the number of the step's sub-models

  // The terms of a step: students from the widest to the narrowest, last exit first; then nodes. A
  // student for which no teacher of a role exists (it is the largest itself) gets no such term; a
  // sub-model that would be left with no term at all learns from the label with weight 1
  // (docs/methods.md, IPKD-TA), counted under the first label edge, or else under the edge it
  // stands in for. A sub-model that no edge names as a student gets no term.
  std::vector<LossTerm> loss_terms(const PlanStep& step) const;

  // The edge whose loss a term has: a plain cross-entropy where the label stands in.
  const Edge& edge_of(const LossTerm& term) const;

  // Of a node of kind other than external: its members in that step, largest first.
  std::vector<TermEnd> members(const PlanNode& node, const PlanStep& step) const;
  // Whether a term of that step joins the width, as a student, a teacher or a member of either.
  bool joins(Width width, const PlanStep& step) const;
  // The sub-models that an end depends on, each once.
  std::vector<Subnet> subnets_of(const TermEnd& end, const PlanStep& step) const;

  // Throws UsageError when these sub-models are too few for it: a submodel:N that is not there, a
  // node without a member.
  void check_members(const PlanStep& step) const;

  // The largest sub-model of such a step that learns in no stage: no edge names it as a student,
  // and no node that learns has it as a member. It would be kept and measured untrained. Throws
  // UsageError when the plan has a student that no sub-model is a member of.
  std::optional<Subnet> untaught(PlanStep step) const;

  PlanNames names() const;
};

// Throws UsageError, in the words of the parser, for a plan made in C++ that no recipe could hold.
void validate(const DistillPlan& plan);

// The sub-models of a step, largest first.
std::vector<Subnet> largest_first(std::vector<Width> active, int exits);
// Whether the endpoint names the sub-model when all of `subnets` run, largest first.
bool is_named(const Endpoint& endpoint, const Subnet& subnet, const std::vector<Subnet>& subnets);
// "w0.500", "label", or the node's name.
std::string end_text(const NetSpec& net, const DistillPlan& plan, const TermEnd& end);

}  // namespace concertina
