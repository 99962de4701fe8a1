// The text of an edge.
#include <algorithm>
#include <map>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

#include "names.h"

namespace concertina {
namespace {

constexpr Name<Role> kTeachers[] = {{"label", Role::label},
                                    {"full", Role::full},
                                    {"next-larger", Role::next_larger},
                                    {"larger", Role::larger}};
constexpr Name<Role> kStudents[] = {{"each", Role::each},
                                    {"students", Role::students},
                                    {"smallest", Role::smallest},
                                    {"full", Role::full}};
constexpr Name<Criterion> kCriteria[] = {
    {"ce", Criterion::ce}, {"soft-ce", Criterion::soft_ce}, {"kl", Criterion::kl}};
constexpr Name<Reduction> kReductions[] = {{"batchmean", Reduction::batchmean},
                                           {"elementmean", Reduction::elementmean},
                                           {"sum", Reduction::sum}};
constexpr Name<GradientPolicy> kGradients[] = {{"stop", GradientPolicy::stop},
                                               {"through", GradientPolicy::through}};
constexpr Name<int> kPowers[] = {{"0", 0}, {"1", 1}, {"2", 2}};

using Properties = std::map<std::string, std::string>;

template <class Value, std::size_t count>
Value pick(const std::string& kind, const std::string& word, const Name<Value> (&names)[count]) {
  for (const Name<Value>& name : names) {
    if (name.text == word) return name.value;
  }
  throw UsageError(unknown_message(kind, word, texts_of(names)));
}

double read_positive(const std::string& name, const std::string& text, double high) {
  const std::optional<double> value = parse_real(text);
  if (!value || *value <= 0 || *value > high) {
    throw UsageError(name + ": expected a number above 0 and at most " + format_real(high) +
                     ", found \"" + text + "\"");
  }
  return *value;
}

Properties properties_of(const std::vector<std::string>& given) {
  static const std::vector<std::string> known = {"weight", "temperature", "reduction", "t-power",
                                                 "gradient"};
  Properties properties;
  for (const std::string& word : given) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UsageError(unknown_message("property", name, known));
    }
    if (equals == std::string::npos) throw UsageError("expected " + name + "=VALUE");
    if (!properties.emplace(name, word.substr(equals + 1)).second) {
      throw UsageError(name + " is given twice");
    }
  }
  return properties;
}

// "A -> B : criterion property=value ..." as words, whatever the spaces around -> and : are.
std::vector<std::string> edge_words(std::string_view text) {
  std::string spaced;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool arrow = text.substr(i, 2) == "->";
    const std::string_view piece = text.substr(i, arrow ? 2 : 1);
    const bool mark = arrow || piece == ":";
    spaced.append(mark ? " " : "").append(piece).append(mark ? " " : "");
    if (arrow) ++i;
  }
  std::vector<std::string> found = words(spaced);
  if (found.size() < 5 || found[1] != "->" || found[3] != ":") {
    throw UsageError("expected TEACHER -> STUDENT : CRITERION property=value ...");
  }
  return found;
}

void check_roles(const Edge& edge) {
  const bool label = edge.teacher == Role::label;
  if (label != (edge.criterion == Criterion::ce)) {
    throw UsageError(label ? "the label teaches with ce only"
                           : "ce is for the label; expected kl or soft-ce");
  }
  if (edge.student == Role::full && !label) {
    throw UsageError("no sub-model is larger than the full one; it learns from the label only");
  }
}

void check_spelt_out(const Edge& edge, const Properties& properties) {
  if (edge.teacher == Role::label) {
    for (const auto& [name, value] : properties) {
      if (name != "weight") throw UsageError("a label edge takes weight only, found " + name);
    }
    return;
  }
  for (const char* name : {"reduction", "t-power", "gradient"}) {
    if (properties.count(name) == 0) {
      throw UsageError(std::string(name) +
                       " is missing: kl and soft-ce need reduction, t-power and gradient");
    }
  }
}

void set_properties(Edge& edge, const Properties& properties) {
  for (const auto& [name, value] : properties) {
    if (name == "weight") edge.weight = read_positive(name, value, 1000);
    if (name == "temperature") edge.temperature = read_positive(name, value, 1000);
    if (name == "reduction") edge.reduction = pick(name, value, kReductions);
    if (name == "t-power") edge.t_power = pick(name, value, kPowers);
    if (name == "gradient") edge.gradient = pick(name, value, kGradients);
  }
}

Edge read_edge(std::string_view text) {
  const std::vector<std::string> found = edge_words(text);
  Edge edge;
  edge.teacher = pick("teacher", found[0], kTeachers);
  edge.student = pick("student", found[2], kStudents);
  edge.criterion = pick("criterion", found[4], kCriteria);
  const Properties properties = properties_of({found.begin() + 5, found.end()});
  check_roles(edge);
  check_spelt_out(edge, properties);
  set_properties(edge, properties);
  return edge;
}

}  // namespace

Edge parse_edge(std::string_view text) {
  try {
    return read_edge(text);
  } catch (const UsageError& error) {
    throw UsageError("edge \"" + std::string(trim(text)) + "\": " + error.what());
  }
}

std::string edge_text(const Edge& edge) {
  const std::string head =
      text_of(edge.teacher, kTeachers) + " -> " + text_of(edge.student, kStudents) + " : " +
      text_of(edge.criterion, kCriteria) + " weight=" + format_real(edge.weight);
  if (edge.teacher == Role::label) return head;
  return head + " temperature=" + format_real(edge.temperature) +
         " reduction=" + text_of(edge.reduction, kReductions) +
         " t-power=" + std::to_string(edge.t_power) +
         " gradient=" + text_of(edge.gradient, kGradients);
}

}  // namespace concertina
