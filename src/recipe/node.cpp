// The text of a plan's node.
#include <algorithm>
#include <cctype>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

#include "names.h"
#include "plan_words.h"

namespace concertina {
namespace {

constexpr Name<NodeKind> kKinds[] = {{"external", NodeKind::external},
                                     {"mean-logits", NodeKind::mean_logits},
                                     {"mean-probs", NodeKind::mean_probs},
                                     {"gate", NodeKind::gate},
                                     {"attention", NodeKind::attention}};

bool is_name(const std::string& name) {
  const auto fits = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  };
  return !name.empty() && std::islower(static_cast<unsigned char>(name.front())) != 0 &&
         std::all_of(name.begin(), name.end(), fits);
}

// Whether a word means something already where a node could stand.
bool is_taken(const std::string& name, const Names& nodes) {
  for (const char* kind : {"teacher", "student"}) {
    try {
      parse_endpoint(kind, name, nodes);
      return true;
    } catch (const UsageError&) {
    }
  }
  return false;
}

std::vector<std::string> known_properties(NodeKind kind) {
  switch (kind) {
    case NodeKind::external:
      return {"from", "sha256"};
    case NodeKind::mean_logits:
      return {"of"};
    case NodeKind::mean_probs:
      return {"of", "temperature"};
    case NodeKind::gate:
    case NodeKind::attention:
      return {"of", "tap"};
  }
  return {};
}

PlanNode read_node(std::string_view text, const Names& nodes) {
  const std::vector<std::string> found = plan_words(text);
  if (found.size() < 3 || found[1] != ":") {
    throw UsageError("expected NAME : KIND property=value ...");
  }
  PlanNode node;
  node.name = found[0];
  if (!is_name(node.name) || is_taken(node.name, nodes)) {
    throw UsageError("the name \"" + node.name + "\" " +
                     (is_name(node.name) ? "is taken" : "is not one") +
                     "; expected lower-case letters, digits and dashes, no role and no other node");
  }
  node.kind = pick("kind of node", found[2], kKinds);
  const Properties given({found.begin() + 3, found.end()}, known_properties(node.kind));
  if (node.kind == NodeKind::external) {
    if (const std::string* from = given.find("from")) node.from = *from;
    if (const std::string* sha256 = given.find("sha256")) node.sha256 = *sha256;
    return node;
  }
  const std::string& members = given.needed("of", "the members, such as each, students or a,b");
  for (const std::string& word : split(members, ',')) {
    node.of.push_back(parse_endpoint("member", word, nodes));
  }
  if (const std::string* temperature = given.find("temperature")) {
    node.temperature = read_number("temperature", *temperature, 0.001, 1000);
  }
  if (node.kind == NodeKind::gate || node.kind == NodeKind::attention) {
    node.tap = given.needed("tap", "a layer's name, feature, map or depth:0.5");
  }
  return node;
}

}  // namespace

PlanNode parse_node(std::string_view text, const Names& nodes) {
  try {
    return read_node(text, nodes);
  } catch (const UsageError& error) {
    throw UsageError("node \"" + std::string(trim(text)) + "\": " + error.what());
  }
}

std::string node_text(const PlanNode& node) {
  std::string text = node.name + " : " + text_of(node.kind, kKinds);
  std::vector<std::string> members;
  for (const Endpoint& member : node.of) members.push_back(endpoint_text(member));
  if (!members.empty()) text += " of=" + join(members, ",");
  if (node.kind == NodeKind::mean_probs) text += " temperature=" + format_real(node.temperature);
  if (!node.tap.empty()) text += " tap=" + node.tap;
  if (!node.from.empty()) text += " from=" + node.from;
  if (!node.sha256.empty()) text += " sha256=" + node.sha256;
  return text;
}

}  // namespace concertina
