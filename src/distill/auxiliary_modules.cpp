#include "concertina/distill/auxiliary_modules.h"

#include <algorithm>
#include <cmath>

#include <ATen/Functions.h>

#include "concertina/core/error.h"
#include "concertina/core/random.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

bool is_learned(const PlanNode& node) {
  return node.kind == NodeKind::gate || node.kind == NodeKind::attention;
}

// [B, C, H, W] -> [B, C]
at::Tensor pooled(const at::Tensor& map) { return at::mean(map, {2, 3}); }

at::Tensor normed(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias) {
  return at::batch_norm(input, weight, bias, {}, {}, /*training=*/true, 0, kNormEpsilon, true);
}

// " (64-70-58: the net's part-channels)" of a node with several parts, which a net of devices
// needs.
std::string sizes_of_parts(const DistillPlan& plan, const TermEnd& end) {
  if (end.kind != TermEnd::Kind::node) return "";
  std::vector<std::string> sizes;
  for (const auto& part : plan.nodes[static_cast<std::size_t>(end.node)].channels) {
    sizes.push_back(std::to_string(part.size()));
  }
  return sizes.size() < 2 ? "" : " (" + join(sizes, "-") + ": the net's option part-channels)";
}

}  // namespace

AuxiliaryModules::AuxiliaryModules(const DistillPlan& plan, const NetSpec& net,
                                   const PlanStep& first, Teachers teachers, at::Device device)
    : plan_(plan),
      net_(net),
      teachers_(std::move(teachers)),
      all_(first),
      seed_(first.seed),
      device_(device) {
  for (const PlanNode& node : plan_.nodes) {
    if (node.kind != NodeKind::external) continue;
    const auto found = teachers_.find(node.name);
    if (found == teachers_.end()) {
      throw UsageError("the plan needs an external teacher \"" + node.name +
                       "\", which was not given");
    }
    if (found->second->classes() != net_.classes) {
      throw UsageError("teacher \"" + node.name + "\" knows " +
                       std::to_string(found->second->classes()) + " classes; expected " +
                       std::to_string(net_.classes));
    }
    const std::string images = found->second->images();
    if (!images.empty() && images != images_text(net_)) {
      throw UsageError("teacher \"" + node.name + "\" looks at images of " + images +
                       "; expected " + images_text(net_));
    }
  }
  make_adapters(first);
  make_nodes(first);
}

at::Tensor AuxiliaryModules::make(const std::string& name, at::IntArrayRef sizes, double deviation,
                                  double mean, const char* axes) {
  at::Tensor value = at::empty(sizes, at::kFloat);
  CounterRandom random(seed_, Stream::auxiliary_modules,
                       static_cast<std::uint32_t>(parameters_.size()));
  float* values = value.data_ptr<float>();
  for (std::int64_t k = 0; k < value.numel(); ++k) {
    values[k] = static_cast<float>(mean + (deviation == 0 ? 0 : deviation * random.normal()));
  }
  value = value.to(device_).set_requires_grad(true);
  parameters_.push_back({name, value, axes, value.dim() > 1});
  tensors_[name] = value;
  return value;
}

TapShape AuxiliaryModules::shape_of(const TermEnd& end, const std::string& tap) const {
  if (end.kind == TermEnd::Kind::subnet) {
    return tap_shape(net_, end.subnet, find_tap(net_, end.subnet, tap));
  }
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(end.node)];
  if (node.kind == NodeKind::filters) {
    TapShape shape = shape_of(plan_.members(node, all_).front(), node.tap);
    shape.channels = 0;
    for (const auto& part : node.channels) shape.channels += static_cast<int>(part.size());
    return shape;
  }
  if (node.kind == NodeKind::snapshot) return shape_of(plan_.members(node, all_).front(), tap);
  if (node.kind != NodeKind::external) {
    throw UsageError("node \"" + node.name + "\" combines logits and has no tap \"" + tap + "\"");
  }
  return teachers_.at(node.name)->shape_of(tap);
}

// "distill/edge2.w0.500.teacher/": few parts, because files limit how deep a name goes.
std::string AuxiliaryModules::prefix(int edge, const TermEnd& student, const TermEnd& teacher,
                                     std::size_t which) const {
  return "distill/edge" + std::to_string(edge + 1) + "." + end_text(net_, plan_, student) + "." +
         end_text(net_, plan_, teacher) + "/" + (which == 0 ? "" : "second.");
}

void AuxiliaryModules::check_attention(const LossTerm& term, const PlanStep& first) const {
  if (term.teacher.kind != TermEnd::Kind::node) return;
  const PlanNode& node = plan_.nodes[static_cast<std::size_t>(term.teacher.node)];
  if (node.kind != NodeKind::attention) return;
  const std::vector<TermEnd> members = plan_.members(node, first);
  const auto is_it = [&](const TermEnd& member) { return member.is_same(term.student); };
  if (std::any_of(members.begin(), members.end(), is_it)) return;
  throw UsageError("node \"" + node.name + "\" pays attention for its members only, and " +
                   end_text(net_, plan_, term.student) + " is none");
}

// One for each pair of ends that an edge can ever join.
void AuxiliaryModules::make_adapters(PlanStep first) {
  DistillPlan undropped = plan_;
  for (Edge& edge : undropped.edges) {
    edge.drop = 0;
    if (edge.teacher.role == Role::assistant) edge.teacher.role = Role::larger;  // in time
  }
  std::vector<LossTerm> terms;
  for (first.stage = 0; first.stage < std::max(1, static_cast<int>(plan_.stages.size()));
       ++first.stage) {
    for (const LossTerm& term : undropped.loss_terms(first)) terms.push_back(term);
  }
  for (const LossTerm& term : terms) {
    check_attention(term, first);
    const Edge& edge = plan_.edge_of(term);
    if (edge.tap.empty()) continue;
    const std::vector<std::string> taps = split(edge.tap, '+');
    const std::vector<std::string> theirs = split(edge.teacher_tap, '+');
    for (std::size_t which = 0; which < taps.size(); ++which) {
      const int in = shape_of(term.student, taps[which]).channels;
      if (term.from_label()) continue;
      make_adapter(term, which, in, shape_of(term.teacher, theirs[which]).channels);
    }
  }
}

void AuxiliaryModules::make_adapter(const LossTerm& term, std::size_t which, int in, int out) {
  const Edge& edge = plan_.edge_of(term);
  if (edge.adapter == Adapter::none) {
    if (in == out || !is_channelwise(edge.criterion)) return;
    throw UsageError("edge \"" + edge_text(edge) + "\": " + end_text(net_, plan_, term.student) +
                     " has " + std::to_string(in) + " channels at its tap; expected " +
                     std::to_string(out) + ", as " + end_text(net_, plan_, term.teacher) + " has" +
                     sizes_of_parts(plan_, term.teacher) + ", or an adapter");
  }
  const std::string name = prefix(term.edge, term.student, term.teacher, which);
  if (tensors_.count(name + "conv/weight") != 0) return;  // of another stage
  make(name + "conv/weight", {out, in, 1, 1}, std::sqrt(2.0 / out), 0, "out,in,height,width");
  if (edge.adapter == Adapter::linear) make(name + "conv/bias", {out}, 0, 0, "channel");
  if (edge.adapter != Adapter::bridge) return;
  make(name + "norm/weight", {out}, 0, 1, "channel");
  make(name + "norm/bias", {out}, 0, 0, "channel");
}

void AuxiliaryModules::make_nodes(const PlanStep& first) {
  for (const PlanNode& node : plan_.nodes) {
    if (!is_learned(node)) continue;
    const std::vector<TermEnd> members = plan_.members(node, first);
    const std::string name = "distill/" + node.name + "/";
    if (node.kind == NodeKind::gate) {
      const auto count = static_cast<std::int64_t>(members.size());
      const int in = shape_of(members.front(), node.tap).channels;
      make(name + "linear/weight", {count, in}, std::sqrt(1.0 / in), 0, "out,in");
      make(name + "linear/bias", {count}, 0, 0, "channel");
      make(name + "norm/weight", {count}, 0, 1, "channel");
      make(name + "norm/bias", {count}, 0, 0, "channel");
      continue;
    }
    make_attention(name, node, members);
  }
}

// Peers of one size share their matrices, as the published code's; peers of several have their own.
void AuxiliaryModules::make_attention(const std::string& name, const PlanNode& node,
                                      const std::vector<TermEnd>& members) {
  std::vector<int> channels;
  for (const TermEnd& member : members) channels.push_back(shape_of(member, node.tap).channels);
  const auto [least, most] = std::minmax_element(channels.begin(), channels.end());
  const int size = std::max(1, *least / 8);
  const std::size_t count = *least == *most ? 1 : members.size();
  for (std::size_t k = 0; k < count; ++k) {
    const std::string whose = count == 1 ? "" : end_text(net_, plan_, members[k]) + "/";
    const double deviation = std::sqrt(1.0 / channels[k]);
    make(name + whose + "query", {channels[k], size}, deviation, 0, "in,out");
    make(name + whose + "key", {channels[k], size}, deviation, 0, "in,out");
  }
}

std::vector<Parameter> AuxiliaryModules::parameters() const { return parameters_; }

at::Tensor AuxiliaryModules::adapt(int edge, const TermEnd& student, const TermEnd& teacher,
                                   const at::Tensor& tap, std::size_t which) const {
  const Adapter kind = plan_.edges[static_cast<std::size_t>(edge)].adapter;
  if (kind == Adapter::none) return tap;
  const std::string name = prefix(edge, student, teacher, which);
  const at::Tensor bias = kind == Adapter::linear ? at(name + "conv/bias") : at::Tensor();
  const at::Tensor map = at::conv2d(tap, at(name + "conv/weight"), bias);
  if (kind != Adapter::bridge) return map;
  return at::relu(normed(map, at(name + "norm/weight"), at(name + "norm/bias")));
}

at::Tensor AuxiliaryModules::gate(int node, const at::Tensor& map) const {
  const std::string name = "distill/" + plan_.nodes[static_cast<std::size_t>(node)].name + "/";
  const at::Tensor linear =
      at::linear(pooled(map), at(name + "linear/weight"), at(name + "linear/bias"));
  const at::Tensor scores = normed(linear, at(name + "norm/weight"), at(name + "norm/bias"));
  return at::softmax(at::relu(scores), 1);
}

at::Tensor AuxiliaryModules::projected(int node, const TermEnd& member, const at::Tensor& map,
                                       const std::string& what) const {
  const std::string name = "distill/" + plan_.nodes[static_cast<std::size_t>(node)].name + "/";
  const auto shared = tensors_.find(name + what);
  const at::Tensor& matrix = shared != tensors_.end()
                                 ? shared->second
                                 : at(name + end_text(net_, plan_, member) + "/" + what);
  return at::matmul(pooled(map), matrix);
}

at::Tensor AuxiliaryModules::query(int node, const TermEnd& member, const at::Tensor& map) const {
  return projected(node, member, map, "query");
}

at::Tensor AuxiliaryModules::key(int node, const TermEnd& member, const at::Tensor& map) const {
  return projected(node, member, map, "key");
}

}  // namespace concertina
