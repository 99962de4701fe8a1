#include "plan_check.h"

#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "plan_words.h"

namespace concertina {
namespace {

bool is_learned(const PlanNode& node) {
  return node.kind == NodeKind::gate || node.kind == NodeKind::attention;
}

bool has_member(const PlanNode& node, const std::string& name) {
  return std::any_of(node.of.begin(), node.of.end(),
                     [&](const Endpoint& member) { return member.node == name; });
}

// Attention mixes anew for each of its members, so only these can ask for it.
void check_attention(const DistillPlan& plan, const PlanNode& node) {
  if (node.kind != NodeKind::attention) return;
  const auto refuse = [&](const std::string& what) {
    throw UsageError("node \"" + node.name + "\" pays attention for its members, each by itself; " +
                     what);
  };
  for (const Edge& edge : plan.edges) {
    if (edge.student.node == node.name)
      refuse("it cannot learn, found \"" + edge_text(edge) + "\"");
  }
  for (const PlanNode& other : plan.nodes) {
    if (has_member(other, node.name)) refuse("it cannot be a member of \"" + other.name + "\"");
  }
}

std::ptrdiff_t stage_index(const DistillPlan& plan, const std::string& name) {
  const Names stages = plan.names().stages;
  return std::find(stages.begin(), stages.end(), name) - stages.begin();
}

// Whether the endpoint is the node, or a combination of it.
bool rests_on(const DistillPlan& plan, const Endpoint& end, const std::string& name) {
  if (end.role != Role::node) return false;
  if (end.node == name) return true;
  const auto found = std::find_if(plan.nodes.begin(), plan.nodes.end(),
                                  [&](const PlanNode& node) { return node.name == end.node; });
  return std::any_of(found->of.begin(), found->of.end(),
                     [&](const Endpoint& member) { return rests_on(plan, member, name); });
}

void check_snapshot(const DistillPlan& plan, const PlanNode& node) {
  if (node.kind != NodeKind::snapshot || stage_index(plan, node.at) == 0) return;
  for (const Edge& edge : plan.edges) {
    const bool uses_it =
        rests_on(plan, edge.teacher, node.name) || rests_on(plan, edge.student, node.name);
    const bool early =
        edge.in.empty() || std::any_of(edge.in.begin(), edge.in.end(), [&](const auto& stage) {
          return stage_index(plan, stage) < stage_index(plan, node.at);
        });
    if (!uses_it || !early) continue;
    throw UsageError("edge \"" + edge_text(edge) + "\" acts before stage " + node.at +
                     ", where \"" + node.name + "\" is made; expected in=" + node.at);
  }
}

void check_cuts(const DistillPlan& plan) {
  const bool cuts = std::any_of(plan.stages.begin(), plan.stages.end(),
                                [](const PlanStage& stage) { return stage.prune > 0; });
  if (!cuts) return;
  const auto refuse = [](const std::string& what, const std::string& found) {
    throw UsageError("a stage that cuts channels goes with no " + what + ", found \"" + found +
                     "\"");
  };
  for (const PlanNode& node : plan.nodes) {
    if (is_learned(node) || node.kind == NodeKind::snapshot) {
      refuse("gate, attention or snapshot", node_text(node));
    }
  }
  for (const Edge& edge : plan.edges) {
    if (edge.adapter != Adapter::none) refuse("adapter", edge_text(edge));
    if (is_channelwise(edge.criterion)) {
      refuse("criterion that compares channel by channel", edge_text(edge));
    }
  }
}

// A plan made in C++ can hold numbers that its kind does not have, and lack some that it has. The
// text of the former, so that reading refuses them in its own words.
std::string unknown_numbers(const std::string& what, const std::map<std::string, double>& numbers,
                            const std::vector<CriterionNumber>& known) {
  std::string text;
  for (const CriterionNumber& number : known) {
    if (numbers.count(number.name) == 0) {
      throw UsageError(what + ": " + number.name + " is missing: it is one of the kind's numbers");
    }
  }
  for (const auto& [name, value] : numbers) {
    const bool is_known = std::any_of(
        known.begin(), known.end(), [&, &key = name](const auto& one) { return one.name == key; });
    if (!is_known) text += " " + name + "=" + format_real(value);
  }
  return text;
}

void check_edge(const Edge& edge, const PlanNames& names) {
  const std::string text = edge_text(edge);
  const std::vector<CriterionNumber>& known = entry_of(edge.criterion).numbers;
  parse_edge(text + unknown_numbers("edge \"" + text + "\"", edge.numbers, known), names);
}

}  // namespace

void check_stage_texts(const DistillPlan& plan) {
  Names before;
  for (const PlanStage& stage : plan.stages) {
    parse_stage(stage_text(stage), before);
    before.push_back(stage.name);
  }
}

void check_views(const DistillPlan& plan) {
  Names before;
  for (const PlanView& view : plan.views) {
    const std::string text = view_text(view);
    const std::string more =
        unknown_numbers("view \"" + text + "\"", view.numbers, view_numbers(view.kind));
    parse_view(text + more, before);
    before.push_back(view.name);
  }
}

// Each list is read while those before it may still change, because a recipe replaces what it
// inherits. So the texts are read once more, with the names that are left.
void check_nodes(const DistillPlan& plan) {
  DistillPlan before;
  before.views = plan.views;
  before.stages = plan.stages;
  for (const PlanNode& node : plan.nodes) {
    parse_node(node_text(node), before.names());
    before.nodes.push_back(node);
    check_attention(plan, node);
  }
}

// What is learned has the shapes of the sub-models that there are, and a copy is of one of them.
void check_random_widths(const Recipe& recipe) {
  if (recipe.random_widths < 0) return;
  const auto refuse = [](const std::string& what) {
    throw UsageError(
        "goes with no gate, attention, adapter or snapshot of "
        "submodel:N, found \"" +
        what + "\"");
  };
  for (const PlanNode& node : recipe.plan.nodes) {
    const bool numbered = node.kind == NodeKind::snapshot && node.of.front().role == Role::submodel;
    if (is_learned(node) || numbered) refuse(node_text(node));
  }
  for (const Edge& edge : recipe.plan.edges) {
    if (edge.adapter != Adapter::none) refuse(edge_text(edge));
  }
}

void check_stages(const DistillPlan& plan) {
  for (const PlanNode& node : plan.nodes) check_snapshot(plan, node);
  check_cuts(plan);
}

void check_edges(const Recipe& recipe) {
  for (const Edge& edge : recipe.plan.edges) check_edge(edge, recipe.plan.names());
  std::vector<Width> widths = recipe.widths;
  if (widths.empty()) {
    for (const int thousandths : {250, 500, 750, 1000}) {
      widths.push_back(Width::from_thousandths(thousandths));
    }
  }
  const std::optional<Subnet> untaught = recipe.plan.untaught(plan_step(recipe, widths, 1));
  if (!untaught) return;
  throw UsageError(untaught->width.is_full()
                       ? "the full sub-model learns from nothing; expected an edge such as "
                         "\"label -> each : ce weight=1\""
                       : "no edge teaches the sub-models between the full and the smallest");
}

}  // namespace concertina
