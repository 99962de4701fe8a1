#include "answers.h"

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

Answers::Answers(FlexibleNet& net, const DistillPlan& plan, const PlanParts& parts,
                 const StepInput& input)
    : net_(net), plan_(plan), parts_(parts), input_(input) {}

// The layers that the links and the nodes look at.
std::vector<std::string> Answers::taps_of(const Subnet& subnet,
                                          const std::vector<Link>& links) const {
  std::vector<std::string> layers;
  const auto add = [&](const std::string& words) {
    for (const std::string& word : split(words, '+')) {
      add_unless_there(find_tap(net_.spec(), subnet, word), layers);
    }
  };
  const LinkEnd end = LinkEnd::of(subnet);
  for (const Link& link : links) {
    const Edge& edge = plan_.edges[static_cast<std::size_t>(link.edge)];
    if (edge.tap.empty()) continue;
    if (link.student == end) add(edge.tap);
    if (link.teacher == end) add(edge.teacher_tap);
  }
  for (const PlanNode& node : plan_.nodes) {
    if (node.tap.empty()) continue;
    const std::vector<LinkEnd> members = plan_.members(node, input_.place);
    if (std::find(members.begin(), members.end(), end) != members.end()) add(node.tap);
  }
  return layers;
}

void Answers::run(Width width, const std::vector<Link>& links) {
  const int exits = net_.spec().exit_count();
  std::vector<std::string> layers;
  std::map<int, std::vector<std::string>> of_exit;
  for (int exit = 1; exit <= exits; ++exit) {
    of_exit[exit] = taps_of({width, exit}, links);
    for (const std::string& layer : of_exit[exit]) add_unless_there(layer, layers);
  }
  const std::vector<at::Tensor> found =
      net_.forward(input_.images, {width, exits}, Pass::train, Exits::up_to, layers);
  for (int exit = 1; exit <= exits; ++exit) {
    std::map<std::string, Value>& values = values_[{width, exit}];
    values[""] = value_of(found[static_cast<std::size_t>(exit - 1)]);
    for (const std::string& layer : of_exit[exit]) {
      const auto place = std::find(layers.begin(), layers.end(), layer) - layers.begin();
      values[layer] = value_of(found[static_cast<std::size_t>(exits + place)]);
    }
  }
}

std::vector<Value*> Answers::values_of(const Subnet& subnet) {
  std::vector<Value*> found;
  for (auto& [layer, value] : values_[subnet]) found.push_back(&value);
  return found;
}

bool Answers::is_learned(const LinkEnd& end) const {
  if (end.kind != LinkEnd::Kind::node) return false;
  const NodeKind kind = node(end).kind;
  if (kind == NodeKind::gate || kind == NodeKind::attention) return true;
  const std::vector<LinkEnd> members = plan_.members(node(end), input_.place);
  return std::any_of(members.begin(), members.end(),
                     [&](const LinkEnd& member) { return is_learned(member); });
}

const Teacher::Answer& Answers::external(const LinkEnd& end) {
  const auto found = externals_.find(end.node);
  if (found != externals_.end()) return found->second;
  std::vector<std::string> taps;
  for (const Edge& edge : plan_.edges) {
    if (edge.teacher.node != node(end).name || edge.tap.empty()) continue;
    for (const std::string& word : split(edge.teacher_tap, '+')) add_unless_there(word, taps);
  }
  return externals_[end.node] = parts_.teacher(node(end).name).answer(input_.images, taps);
}

at::Tensor Answers::logits(const LinkEnd& end, const Link& link) {
  if (end.kind == LinkEnd::Kind::subnet) return values_.at(end.subnet).at("").leaf;
  if (node(end).kind == NodeKind::external) return external(end).logits;
  return combined(end, link);
}

at::Tensor Answers::tap(const LinkEnd& end, const std::string& word) {
  if (end.kind == LinkEnd::Kind::node) return external(end).taps.at(word);
  return values_.at(end.subnet).at(find_tap(net_.spec(), end.subnet, word)).leaf;
}

at::Tensor Answers::combined(const LinkEnd& end, const Link& link) {
  const std::vector<LinkEnd> members = plan_.members(node(end), input_.place);
  std::vector<at::Tensor> all;
  for (const LinkEnd& member : members) all.push_back(logits(member, link));
  switch (node(end).kind) {
    case NodeKind::mean_logits:
      return mean_logits(all);
    case NodeKind::mean_probs:
      return mean_probabilities(all, node(end).temperature);
    case NodeKind::gate:
      return gated_logits(all, parts_.gate(end.node, tap(members.front(), node(end).tap)));
    default:
      return attended(end, members, link, all);
  }
}

at::Tensor Answers::attended(const LinkEnd& end, const std::vector<LinkEnd>& members,
                             const Link& link, const std::vector<at::Tensor>& all) {
  const std::string& word = node(end).tap;
  std::vector<at::Tensor> keys;
  for (const LinkEnd& member : members) {
    keys.push_back(parts_.key(end.node, member, tap(member, word)));
  }
  const at::Tensor query = parts_.query(end.node, link.student, tap(link.student, word));
  const auto place = std::find(members.begin(), members.end(), link.student) - members.begin();
  return attention_logits(query, keys, all, static_cast<int>(place));
}

}  // namespace concertina
