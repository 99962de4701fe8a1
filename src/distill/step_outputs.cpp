#include "step_outputs.h"

#include <algorithm>

#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include "concertina/core/text.h"
#include "concertina/distill/combine.h"

namespace concertina {
namespace {

Value value_of(const at::Tensor& output) {
  return {output, output.detach().set_requires_grad(true), {}};
}

void add_unless_there(const std::string& word, std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
}

}  // namespace

StepOutputs::StepOutputs(FlexibleNet& net, const DistillPlan& plan, const AuxiliaryModules& parts,
                         const StepInput& input)
    : net_(net),
      plan_(plan),
      parts_(parts),
      place_(input.place),
      views_(net, plan, input.source, input.place) {}

// The layers that the terms and the nodes look at.
std::vector<std::string> StepOutputs::taps_of(const Subnet& subnet,
                                              const std::vector<OrderedTerm>& terms) const {
  std::vector<std::string> layers;
  const auto add = [&](const std::string& words) {
    for (const std::string& word : split(words, '+')) {
      add_unless_there(find_tap(net_.spec(), subnet, word), layers);
    }
  };
  const TermEnd end = TermEnd::of(subnet);
  for (const OrderedTerm& ordered : terms) {
    const LossTerm& term = ordered.term;
    const Edge& edge = plan_.edge_of(term);
    if (edge.tap.empty()) continue;
    if (term.student.is_same(end)) add(edge.tap);
    if (term.teacher.is_same(end)) add(edge.teacher_tap);
  }
  for (const PlanNode& node : plan_.nodes) {
    if (node.tap.empty()) continue;
    for (const TermEnd& member : plan_.members(node, place_)) {
      if (member.is_same(end)) add(node.tap);
    }
  }
  return layers;
}

void StepOutputs::run(const StepPass& pass, const std::vector<OrderedTerm>& terms) {
  const int exits = net_.spec().exit_count();
  std::vector<std::string> layers;
  std::map<int, std::vector<std::string>> of_exit;
  for (int exit = 1; exit <= exits; ++exit) {
    of_exit[exit] = taps_of({pass.width, exit}, terms);
    for (const std::string& layer : of_exit[exit]) add_unless_there(layer, layers);
  }
  const std::vector<at::Tensor> found = net_.forward(
      views_.images(pass.view, pass.width), {pass.width, exits}, Pass::train, Exits::up_to, layers);
  for (int exit = 1; exit <= exits; ++exit) {
    std::map<std::string, Value>& values = values_[{{pass.width, exit}, pass.view}];
    values[""] = value_of(found[static_cast<std::size_t>(exit - 1)]);
    for (const std::string& layer : of_exit[exit]) {
      const auto place = std::find(layers.begin(), layers.end(), layer) - layers.begin();
      values[layer] = value_of(found[static_cast<std::size_t>(exits + place)]);
    }
  }
}

std::vector<Value*> StepOutputs::values_of(const Subnet& subnet, int view) {
  std::vector<Value*> found;
  for (auto& [layer, value] : values_[{subnet, view}]) found.push_back(&value);
  return found;
}

bool StepOutputs::is_learned(const TermEnd& end) const {
  if (end.kind != TermEnd::Kind::node) return false;
  const NodeKind kind = node(end).kind;
  if (kind == NodeKind::gate || kind == NodeKind::attention) return true;
  const std::vector<TermEnd> members = members_of(end);
  return std::any_of(members.begin(), members.end(),
                     [&](const TermEnd& member) { return is_learned(member); });
}

std::vector<TermEnd> StepOutputs::members_of(const TermEnd& end) const {
  std::vector<TermEnd> members = plan_.members(node(end), place_);
  for (TermEnd& member : members) member.view = end.view;
  return members;
}

// Adversarial images are the student's.
const Teacher::Output& StepOutputs::external(const TermEnd& end, const LossTerm& term) {
  const Width width = views_.is_adversarial(end.view) ? term.student.subnet.width : Width();
  const auto key = std::make_tuple(end.node, end.view, width);
  const auto found = externals_.find(key);
  if (found != externals_.end()) return found->second;
  std::vector<std::string> taps;
  for (const PlanNode& other : plan_.nodes) {
    const bool of_it = std::any_of(other.of.begin(), other.of.end(), [&](const Endpoint& member) {
      return member.node == node(end).name;
    });
    if (of_it && !other.tap.empty()) add_unless_there(other.tap, taps);
  }
  for (const Edge& edge : plan_.edges) {
    if (edge.teacher.node != node(end).name || edge.tap.empty()) continue;
    for (const std::string& word : split(edge.teacher_tap, '+')) add_unless_there(word, taps);
  }
  const at::Tensor images = views_.images(end.view, width).detach();
  return externals_[key] = parts_.teacher(node(end).name).answer(images, taps);
}

at::Tensor StepOutputs::logits(const TermEnd& end, const LossTerm& term) {
  if (end.kind == TermEnd::Kind::subnet) return values_.at({end.subnet, end.view}).at("").leaf;
  return is_frozen(node(end)) ? external(end, term).logits : combined(end, term);
}

at::Tensor StepOutputs::tap(const TermEnd& end, const std::string& word, const LossTerm& term) {
  if (end.kind == TermEnd::Kind::node && node(end).kind == NodeKind::filters) {
    const at::Tensor& map = external(members_of(end).front(), term).taps.at(node(end).tap);
    std::vector<int> channels;
    for (const auto& part : node(end).channels) {
      channels.insert(channels.end(), part.begin(), part.end());
    }
    return at::index_select(map, 1, at::tensor(channels, at::kLong).to(map.device()));
  }
  if (end.kind == TermEnd::Kind::node) return external(end, term).taps.at(word);
  return values_.at({end.subnet, end.view}).at(find_tap(net_.spec(), end.subnet, word)).leaf;
}

at::Tensor StepOutputs::combined(const TermEnd& end, const LossTerm& term) {
  const std::vector<TermEnd> members = members_of(end);
  std::vector<at::Tensor> all;
  for (const TermEnd& member : members) all.push_back(logits(member, term));
  switch (node(end).kind) {
    case NodeKind::mean_logits:
      return mean_logits(all);
    case NodeKind::mean_probs:
      return mean_probabilities(all, node(end).temperature);
    case NodeKind::gate:
      return gated_logits(all, parts_.gate(end.node, tap(members.front(), node(end).tap, term)));
    default:
      return attended(end, members, term, all);
  }
}

at::Tensor StepOutputs::attended(const TermEnd& end, const std::vector<TermEnd>& members,
                                 const LossTerm& term, const std::vector<at::Tensor>& all) {
  const std::string& word = node(end).tap;
  std::vector<at::Tensor> keys;
  for (const TermEnd& member : members) {
    keys.push_back(parts_.key(end.node, member, tap(member, word, term)));
  }
  TermEnd asking = term.student;
  asking.view = end.view;
  const at::Tensor query = parts_.query(end.node, asking, tap(asking, word, term));
  return attention_logits(query, keys, all);
}

}  // namespace concertina
