#include "concertina/recipe/plan.h"

#include <algorithm>
#include <cmath>

#include "concertina/core/error.h"
#include "concertina/core/random.h"

namespace concertina {
namespace {

// Every sub-model larger than `student` along the chain of next_larger, nearest first.
std::vector<TermEnd> larger_than(const Subnet& student, const std::vector<Subnet>& subnets) {
  const int last = subnets.front().exit;
  std::vector<TermEnd> chain;
  for (auto it = subnets.rbegin(); it != subnets.rend(); ++it) {
    const bool later_exit = it->width == student.width && it->exit > student.exit;
    if (later_exit || (it->width > student.width && it->exit == last)) {
      chain.push_back(TermEnd::of(*it));
    }
  }
  return chain;
}

// Of a thing with that name; -1 for "".
template <class Thing>
int index_of(const std::vector<Thing>& things, const std::string& name) {
  if (name.empty()) return -1;
  const auto is_it = [&](const Thing& thing) { return thing.name == name; };
  return static_cast<int>(std::find_if(things.begin(), things.end(), is_it) - things.begin());
}

template <class Thing>
Names names_of(const std::vector<Thing>& things) {
  Names result;
  for (const Thing& thing : things) result.push_back(thing.name);
  return result;
}

bool is_in(const TermEnd& end, const std::vector<TermEnd>& ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](const TermEnd& other) { return other.is_same(end); });
}

// The students of the terms, and the sub-models behind those that are nodes.
std::vector<TermEnd> learners(const DistillPlan& plan, const PlanStep& step,
                              const std::vector<LossTerm>& terms) {
  std::vector<TermEnd> found;
  for (const LossTerm& term : terms) {
    if (is_in(term.student, found)) continue;
    found.push_back(term.student);
    const std::vector<Subnet> subnets = plan.subnets_of(term.student, step);
    if (subnets.empty()) {
      throw UsageError("node \"" + plan.nodes[static_cast<std::size_t>(term.student.node)].name +
                       "\" cannot learn: no sub-model is a member of it");
    }
    for (const Subnet& subnet : subnets) found.push_back(TermEnd::of(subnet));
  }
  return found;
}

// One step's terms being made.
class TermBuilder {
 public:
  TermBuilder(const DistillPlan& plan, const PlanStep& step)
      : plan_(plan), step_(step), subnets_(largest_first(step.active, step.exits)) {}

  std::vector<LossTerm> run() {
    for (const Subnet& student : subnets_) add_student(student);
    for (int edge = 0; edge < static_cast<int>(plan_.edges.size()); ++edge) {
      const Endpoint& student = plan_.edges[static_cast<std::size_t>(edge)].student;
      if (student.role != Role::node || !acts(edge)) continue;
      add_links(edge, TermEnd::of_node(index_of(plan_.nodes, student.node)));
    }
    if (plan_.averages) {
      for (LossTerm& term : terms_) term.weight /= static_cast<double>(subnets_.size());
    }
    return std::move(terms_);
  }

 private:
  // In this stage?
  bool acts(int edge) const {
    const std::vector<std::string>& in = plan_.edges[static_cast<std::size_t>(edge)].in;
    if (in.empty()) return true;
    const std::string& stage = plan_.stages[static_cast<std::size_t>(step_.stage)].name;
    return std::find(in.begin(), in.end(), stage) != in.end();
  }

  // On a chain of n: the one at round(rank (n - 1)).
  TermEnd assistant(const Edge& edge, const std::vector<TermEnd>& chain) const {
    const double last = static_cast<double>(chain.size() - 1);
    return chain[static_cast<std::size_t>(std::lround(edge.rank.at(step_.now) * last))];
  }

  std::vector<TermEnd> teachers(const Edge& edge, const TermEnd& student) const {
    const Endpoint& teacher = edge.teacher;
    if (teacher.role == Role::label) return {TermEnd{}};
    if (teacher.role == Role::node) return {TermEnd::of_node(index_of(plan_.nodes, teacher.node))};
    std::vector<TermEnd> found;
    if (student.kind == TermEnd::Kind::subnet && teacher.role != Role::peers &&
        teacher.role != Role::submodel && teacher.role != Role::smallest) {
      found = larger_than(student.subnet, subnets_);
      if (found.empty() || teacher.role == Role::larger) return found;
      if (teacher.role == Role::assistant) return {assistant(edge, found)};
      return {teacher.role == Role::full ? found.back() : found.front()};
    }
    for (auto subnet = subnets_.rbegin(); subnet != subnets_.rend(); ++subnet) {
      const TermEnd end = TermEnd::of(*subnet);
      const bool named = teacher.role == Role::peers || is_named(teacher, *subnet, subnets_);
      if (named && !end.is_same(student)) found.push_back(end);
    }
    return found;
  }

  // Leaves edge.drop of them out, at least one stays; who goes depends on seed, step and student.
  void drop(const Edge& edge, std::vector<TermEnd>& found) const {
    CounterRandom random(step_.seed, Stream::drop_edge, static_cast<std::uint32_t>(step_.step),
                         terms_.size());
    for (int k = 0; k < edge.drop && found.size() > 1; ++k) {
      found.erase(found.begin() + random.below(static_cast<std::uint32_t>(found.size())));
    }
  }

  void add_links(int index, const TermEnd& student) {
    const Edge& edge = plan_.edges[static_cast<std::size_t>(index)];
    std::vector<TermEnd> found = teachers(edge, student);
    if (edge.drop > 0) drop(edge, found);
    TermEnd seen = student;
    seen.view = index_of(plan_.views, edge.view);
    const double shared = edge.share == Share::mean ? static_cast<double>(found.size()) : 1;
    for (TermEnd& teacher : found) {
      teacher.view = index_of(plan_.views, edge.teacher_view);
      terms_.push_back({index, false, seen, teacher, edge.weight.at(step_.now) / shared,
                        edge.temperature.at(step_.now)});
    }
  }

  // The edge under which a fall-back to the label is counted: the first label edge, or else the
  // edge that it stands in for.
  int fallback_edge(int unmet) const {
    const auto from_label = [](const Edge& edge) { return edge.teacher.role == Role::label; };
    const auto found = std::find_if(plan_.edges.begin(), plan_.edges.end(), from_label);
    return found == plan_.edges.end() ? unmet : static_cast<int>(found - plan_.edges.begin());
  }

  void add_student(const Subnet& student) {
    const std::size_t before = terms_.size();
    int unmet = -1;
    for (int edge = 0; edge < static_cast<int>(plan_.edges.size()); ++edge) {
      const Endpoint& named = plan_.edges[static_cast<std::size_t>(edge)].student;
      if (!acts(edge) || !is_named(named, student, subnets_)) continue;
      add_links(edge, TermEnd::of(student));
      unmet = edge;
    }
    if (unmet >= 0 && terms_.size() == before) {
      terms_.push_back({fallback_edge(unmet), true, TermEnd::of(student), {}, 1, 1});
    }
  }

  const DistillPlan& plan_;
  const PlanStep& step_;
  std::vector<Subnet> subnets_;
  std::vector<LossTerm> terms_;
};

}  // namespace

std::vector<Subnet> largest_first(std::vector<Width> active, int exits) {
  if (active.empty() || exits < 1) {
    throw ProgrammingError("sub-models of " + std::to_string(active.size()) + " widths and " +
                           std::to_string(exits) + " exits; expected at least one of each");
  }
  std::sort(active.begin(), active.end());
  active.erase(std::unique(active.begin(), active.end()), active.end());
  std::vector<Subnet> subnets;
  for (auto width = active.rbegin(); width != active.rend(); ++width) {
    for (int exit = exits; exit >= 1; --exit) subnets.push_back({*width, exit});
  }
  return subnets;
}

bool is_named(const Endpoint& endpoint, const Subnet& subnet, const std::vector<Subnet>& subnets) {
  switch (endpoint.role) {
    case Role::each:
      return true;
    case Role::students:
      return subnet != subnets.front();
    case Role::full:
      return subnet == subnets.front();
    case Role::smallest:
      return subnet == subnets.back();
    case Role::submodel: {
      const auto place = std::find(subnets.rbegin(), subnets.rend(), subnet) - subnets.rbegin();
      return place + 1 == endpoint.index;
    }
    default:
      return false;
  }
}

std::vector<LossTerm> DistillPlan::loss_terms(const PlanStep& step) const {
  return TermBuilder(*this, step).run();
}

const Edge& DistillPlan::edge_of(const LossTerm& term) const {
  static const Edge plain = parse_edge("label -> each : ce");
  return term.fallback ? plain : edges[static_cast<std::size_t>(term.edge)];
}

std::vector<TermEnd> DistillPlan::members(const PlanNode& node, const PlanStep& step) const {
  const std::vector<Subnet> subnets = largest_first(step.active, step.exits);
  std::vector<TermEnd> found;
  for (const Endpoint& endpoint : node.of) {
    if (endpoint.role == Role::node) {
      found.push_back(TermEnd::of_node(index_of(nodes, endpoint.node)));
    }
    for (const Subnet& subnet : subnets) {
      if (is_named(endpoint, subnet, subnets)) found.push_back(TermEnd::of(subnet));
    }
  }
  return found;
}

bool DistillPlan::joins(Width width, const PlanStep& step) const {
  const auto is_in = [&](const TermEnd& end) {
    const std::vector<Subnet> subnets = subnets_of(end, step);
    return std::any_of(subnets.begin(), subnets.end(),
                       [&](const Subnet& subnet) { return subnet.width == width; });
  };
  const std::vector<LossTerm> all = loss_terms(step);
  return std::any_of(all.begin(), all.end(), [&](const LossTerm& term) {
    return is_in(term.student) || is_in(term.teacher);
  });
}

std::vector<Subnet> DistillPlan::subnets_of(const TermEnd& end, const PlanStep& step) const {
  if (end.kind == TermEnd::Kind::subnet) return {end.subnet};
  std::vector<Subnet> found;
  if (end.kind == TermEnd::Kind::label) return found;
  const PlanNode& node = nodes[static_cast<std::size_t>(end.node)];
  if (is_frozen(node)) return found;
  for (const TermEnd& member : members(node, step)) {
    for (const Subnet& subnet : subnets_of(member, step)) {
      if (std::find(found.begin(), found.end(), subnet) == found.end()) found.push_back(subnet);
    }
  }
  return found;
}

void DistillPlan::check_members(const PlanStep& step) const {
  const auto count = static_cast<int>(largest_first(step.active, step.exits).size());
  const auto check = [&](const Endpoint& end, const std::string& where) {
    if (end.role != Role::submodel || end.index <= count) return;
    throw UsageError(where + ": submodel:" + std::to_string(end.index) + " of " +
                     std::to_string(count) + "; expected 1 to " + std::to_string(count));
  };
  for (const PlanNode& node : nodes) {
    for (const Endpoint& member : node.of) check(member, "node \"" + node.name + "\"");
    if (node.kind != NodeKind::external && members(node, step).empty()) {
      throw UsageError("node \"" + node.name + "\" has no member among " + std::to_string(count) +
                       " sub-models; expected a net of more");
    }
  }
  for (const Edge& edge : edges) {
    check(edge.teacher, "edge \"" + edge_text(edge) + "\"");
    check(edge.student, "edge \"" + edge_text(edge) + "\"");
  }
}

std::optional<Subnet> DistillPlan::untaught(PlanStep step) const {
  std::vector<TermEnd> learning;
  for (step.stage = 0; step.stage < std::max(1, static_cast<int>(stages.size())); ++step.stage) {
    for (const TermEnd& end : learners(*this, step, loss_terms(step))) learning.push_back(end);
  }
  for (const Subnet& subnet : largest_first(step.active, step.exits)) {
    if (!is_in(TermEnd::of(subnet), learning)) return subnet;
  }
  return std::nullopt;
}

PlanNames DistillPlan::names() const {
  PlanNames names{names_of(nodes), names_of(views), names_of(stages), {}, {}, {}};
  for (const PlanNode& node : nodes) {
    if (node.kind == NodeKind::external) names.externals.push_back(node.name);
    if (node.kind == NodeKind::filters) names.filters.push_back(node.name);
    if (is_frozen(node) || node.kind == NodeKind::filters) names.frozen.push_back(node.name);
  }
  return names;
}

std::string end_text(const NetSpec& net, const DistillPlan& plan, const TermEnd& end) {
  if (end.kind == TermEnd::Kind::label) return "label";
  if (end.kind == TermEnd::Kind::subnet) return subnet_id(net, end.subnet);
  return plan.nodes[static_cast<std::size_t>(end.node)].name;
}

}  // namespace concertina
