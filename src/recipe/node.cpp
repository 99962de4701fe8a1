// The text of a plan's node.
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

#include "names.h"
#include "plan_words.h"

namespace concertina {
namespace {

constexpr Name<NodeKind> kKinds[] = {{"external", NodeKind::external},
                                     {"snapshot", NodeKind::snapshot},
                                     {"mean-logits", NodeKind::mean_logits},
                                     {"mean-probs", NodeKind::mean_probs},
                                     {"gate", NodeKind::gate},
                                     {"attention", NodeKind::attention},
                                     {"filters", NodeKind::filters}};
constexpr Name<Partition> kPartitions[] = {{"communities", Partition::communities},
                                           {"bisection", Partition::bisection}};
constexpr int kMostFilters = 1 << 16;

std::vector<std::string> known_properties(NodeKind kind) {
  switch (kind) {
    case NodeKind::external:
      return {"from", "sha256"};
    case NodeKind::snapshot:
      return {"of", "at"};
    case NodeKind::mean_logits:
      return {"of"};
    case NodeKind::mean_probs:
      return {"of", "temperature"};
    case NodeKind::gate:
    case NodeKind::attention:
      return {"of", "tap"};
    case NodeKind::filters:
      return {"of", "tap", "by", "parts", "part", "channels"};
  }
  return {};
}

void read_filters(const Properties& given, const PlanNames& known, PlanNode& node) {
  node.of = {{Role::node, 1,
              pick_name("external node", given.needed("of", "an external node"), known.externals)}};
  node.tap = given.needed("tap", "a layer's name, feature, map or depth:0.5");
  node.by = pick("partition", given.needed("by", "communities or bisection"), kPartitions);
  node.parts = read_whole("parts", given.needed("parts", "how many there are"), 1, kMostFilters);
  if (const std::string* part = given.find("part")) {
    node.part = read_whole("part", *part, 1, node.parts);
  }
  const std::string* channels = given.find("channels");
  if (channels == nullptr) return;
  for (const std::string& part : split(*channels, '+')) {
    std::vector<int>& numbers = node.channels.emplace_back();
    for (const std::string& text : split(part, ',')) {
      const auto channel = parse_integer(text);
      if (!channel || *channel < 0 || *channel >= kMostFilters) {
        throw UsageError(
            "channels: expected filters' numbers with commas, a + between parts, found \"" + text +
            "\"");
      }
      numbers.push_back(static_cast<int>(*channel));
    }
  }
  const int expected = node.part == 0 ? node.parts : 1;
  if (static_cast<int>(node.channels.size()) == expected) return;
  throw UsageError("channels: " + std::to_string(node.channels.size()) + " parts; expected " +
                   std::to_string(expected));
}

void read_members(const Properties& given, const PlanNames& known, PlanNode& node) {
  const std::string& members = given.needed("of", "the members, such as each, students or a,b");
  for (const std::string& word : split(members, ',')) {
    node.of.push_back(parse_endpoint("member", word, known.nodes));
    if (std::find(known.filters.begin(), known.filters.end(), word) == known.filters.end()) {
      continue;
    }
    throw UsageError("member \"" + word + "\" is a part of a map and has no logits");
  }
}

PlanNode read_node(std::string_view text, const PlanNames& known) {
  const std::vector<std::string> found = plan_words(text);
  if (found.size() < 3 || found[1] != ":") {
    throw UsageError("expected NAME : KIND property=value ...");
  }
  PlanNode node;
  node.name = found[0];
  Names taken = role_names();
  taken.insert(taken.end(), known.nodes.begin(), known.nodes.end());
  check_new_name(node.name, taken);
  node.kind = pick("kind of node", found[2], kKinds);
  const Properties given({found.begin() + 3, found.end()}, known_properties(node.kind));
  if (node.kind == NodeKind::external) {
    if (const std::string* from = given.find("from")) node.from = *from;
    if (const std::string* sha256 = given.find("sha256")) node.sha256 = *sha256;
    return node;
  }
  if (node.kind == NodeKind::filters) {
    read_filters(given, known, node);
    return node;
  }
  read_members(given, known, node);
  if (node.kind == NodeKind::snapshot) {
    node.at = pick_name("stage", given.needed("at", "the stage before which the copy is taken"),
                        known.stages);
    const Role role = node.of.front().role;
    if (node.of.size() != 1 || role == Role::each || role == Role::students || role == Role::node) {
      throw UsageError(
          "a snapshot is of one sub-model; expected full, "
          "smallest or submodel:N");
    }
  }
  if (const std::string* temperature = given.find("temperature")) {
    node.temperature = read_number("temperature", *temperature, 0.001, 1000);
  }
  if (node.kind == NodeKind::gate || node.kind == NodeKind::attention) {
    node.tap = given.needed("tap", "a layer's name, feature, map or depth:0.5");
  }
  return node;
}

std::string filters_text(const PlanNode& node) {
  std::string text =
      " by=" + text_of(node.by, kPartitions) + " parts=" + std::to_string(node.parts);
  if (node.part != 0) text += " part=" + std::to_string(node.part);
  std::vector<std::string> parts;
  for (const std::vector<int>& part : node.channels) {
    std::vector<std::string> channels;
    for (const int channel : part) channels.push_back(std::to_string(channel));
    parts.push_back(join(channels, ","));
  }
  return text + (parts.empty() ? "" : " channels=") + join(parts, "+");
}

}  // namespace

PlanNode parse_node(std::string_view text, const PlanNames& known) {
  return read_named("node", text, [&] { return read_node(text, known); });
}

std::string node_text(const PlanNode& node) {
  std::string text = node.name + " : " + text_of(node.kind, kKinds);
  std::vector<std::string> members;
  for (const Endpoint& member : node.of) members.push_back(endpoint_text(member));
  if (!members.empty()) text += " of=" + join(members, ",");
  if (node.kind == NodeKind::mean_probs) text += " temperature=" + format_real(node.temperature);
  if (!node.tap.empty()) text += " tap=" + node.tap;
  if (!node.at.empty()) text += " at=" + node.at;
  if (!node.from.empty()) text += " from=" + node.from;
  if (!node.sha256.empty()) text += " sha256=" + node.sha256;
  return node.kind == NodeKind::filters ? text + filters_text(node) : text;
}

}  // namespace concertina
