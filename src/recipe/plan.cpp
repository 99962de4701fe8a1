#include "concertina/recipe/plan.h"

#include <algorithm>
#include <cassert>

#include "concertina/core/error.h"

namespace concertina {
namespace {

// The sub-models of a step, largest first: widest first, last exit first.
std::vector<Subnet> largest_first(std::vector<Width> active, int exits) {
  std::sort(active.begin(), active.end());
  active.erase(std::unique(active.begin(), active.end()), active.end());
  std::vector<Subnet> subnets;
  for (auto width = active.rbegin(); width != active.rend(); ++width) {
    for (int exit = exits; exit >= 1; --exit) subnets.push_back({*width, exit});
  }
  return subnets;
}

bool is_student(Role role, const Subnet& subnet, const std::vector<Subnet>& subnets) {
  switch (role) {
    case Role::each:
      return true;
    case Role::students:
      return subnet != subnets.front();
    case Role::full:
      return subnet == subnets.front();
    case Role::smallest:
      return subnet == subnets.back();
    default:
      return false;
  }
}

// Every sub-model larger than `student` along the chain of next_larger, nearest first.
std::vector<Subnet> larger_than(const Subnet& student, const std::vector<Subnet>& subnets) {
  const int last = subnets.front().exit;
  std::vector<Subnet> chain;
  for (auto it = subnets.rbegin(); it != subnets.rend(); ++it) {
    const bool later_exit = it->width == student.width && it->exit > student.exit;
    if (later_exit || (it->width > student.width && it->exit == last)) chain.push_back(*it);
  }
  return chain;
}

std::vector<Subnet> teachers(Role role, const Subnet& student, const std::vector<Subnet>& subnets) {
  std::vector<Subnet> chain = larger_than(student, subnets);
  if (chain.empty() || role == Role::larger) return chain;
  return {role == Role::full ? chain.back() : chain.front()};
}

void add_links(int index, const Edge& edge, const Subnet& student,
               const std::vector<Subnet>& subnets, std::vector<Link>& links) {
  if (edge.teacher == Role::label) {
    links.push_back({index, student, true, {}, edge.weight});
    return;
  }
  const std::vector<Subnet> found = teachers(edge.teacher, student, subnets);
  for (const Subnet& teacher : found) {
    const double share = edge.weight / static_cast<double>(found.size());
    links.push_back({index, student, false, teacher, share});
  }
}

// The edge under which a fall-back to the label is counted: the first label edge, or else the edge
// that it stands in for.
int fallback_edge(const std::vector<Edge>& edges, int unmet) {
  const auto from_label = [](const Edge& edge) { return edge.teacher == Role::label; };
  const auto found = std::find_if(edges.begin(), edges.end(), from_label);
  return found == edges.end() ? unmet : static_cast<int>(found - edges.begin());
}

void add_student(const std::vector<Edge>& edges, const Subnet& student,
                 const std::vector<Subnet>& subnets, std::vector<Link>& links) {
  const std::size_t before = links.size();
  int unmet = -1;
  for (int i = 0; i < static_cast<int>(edges.size()); ++i) {
    const Edge& edge = edges[static_cast<std::size_t>(i)];
    if (!is_student(edge.student, student, subnets)) continue;
    add_links(i, edge, student, subnets, links);
    unmet = i;
  }
  if (unmet >= 0 && links.size() == before) {
    links.push_back({fallback_edge(edges, unmet), student, true, {}, 1});
  }
}

}  // namespace

std::vector<Link> DistillPlan::links(const std::vector<Width>& active, int exits) const {
  assert(!active.empty() && exits >= 1);
  const std::vector<Subnet> subnets = largest_first(active, exits);
  std::vector<Link> links;
  for (const Subnet& student : subnets) {
    add_student(edges, student, subnets, links);
    if (links.empty()) {
      throw UsageError(
          "the full sub-model learns from nothing; expected an edge such as "
          "\"label -> each : ce weight=1\"");
    }
  }
  return links;
}

std::optional<Subnet> DistillPlan::untaught(const std::vector<Width>& active, int exits) const {
  const std::vector<Link> all = links(active, exits);
  for (const Subnet& subnet : largest_first(active, exits)) {
    const auto teaches = [&](const Link& link) { return link.student == subnet; };
    if (std::none_of(all.begin(), all.end(), teaches)) return subnet;
  }
  return std::nullopt;
}

}  // namespace concertina
