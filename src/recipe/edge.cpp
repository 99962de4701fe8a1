// The text of an edge.
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"
#include "concertina/recipe/preset.h"

#include "names.h"
#include "plan_words.h"

namespace concertina {
namespace {

constexpr Name<Reduction> kReductions[] = {{"batchmean", Reduction::batchmean},
                                           {"elementmean", Reduction::elementmean},
                                           {"sum", Reduction::sum}};
constexpr Name<GradientPolicy> kGradients[] = {{"stop", GradientPolicy::stop},
                                               {"through", GradientPolicy::through}};
constexpr Name<int> kPowers[] = {{"0", 0}, {"1", 1}, {"2", 2}};
constexpr Name<Temper> kTempers[] = {
    {"both", Temper::both}, {"teacher", Temper::teacher}, {"student", Temper::student}};
constexpr Name<Share> kShares[] = {{"mean", Share::mean}, {"sum", Share::sum}};
constexpr Name<Selector> kSelectors[] = {{"all", Selector::all},
                                         {"teacher-right", Selector::teacher_right},
                                         {"teacher-confident", Selector::teacher_confident},
                                         {"student-wrong", Selector::student_wrong},
                                         {"correction", Selector::correction},
                                         {"student-unsure", Selector::student_unsure}};
constexpr Name<Over> kOvers[] = {{"batch", Over::batch}, {"selected", Over::selected}};
constexpr Name<Adapter> kAdapters[] = {{"none", Adapter::none},
                                       {"linear", Adapter::linear},
                                       {"conv1x1", Adapter::conv1x1},
                                       {"bridge", Adapter::bridge}};
constexpr double kMost = 1e6;  // of a weight or a temperature

bool needs_cutoff(Selector select) {
  return select == Selector::teacher_confident || select == Selector::student_unsure;
}

// A part of a map is one map: it has no logits, no other taps, and does not learn.
bool is_part(const Endpoint& end, const PlanNames& known) {
  return std::find(known.filters.begin(), known.filters.end(), end.node) != known.filters.end();
}

// The properties that an edge of this criterion and these ends can have, as they are printed.
std::vector<std::string> known_properties(const Edge& edge, const CriterionEntry& entry,
                                          const PlanNames& all) {
  std::vector<std::string> known = {"weight"};
  const auto when = [&](bool yes, const std::vector<std::string>& names) {
    if (yes) known.insert(known.end(), names.begin(), names.end());
  };
  const bool taught = !entry.from_label;
  when(entry.tempered, {"temperature"});
  when(entry.tempered && taught, {"temper"});
  when(entry.reduced, {"reduction"});
  when(entry.tempered && taught, {"t-power"});
  when(taught, {"gradient", "share", "drop", "teacher-view"});
  known.insert(known.end(), {"view", "in"});
  when(edge.teacher.role == Role::assistant, {"rank"});
  when(entry.compares == Compares::logits && taught, {"select", "cutoff", "over"});
  when(entry.compares != Compares::logits, {"tap"});
  when(entry.compares != Compares::logits && taught, {"adapter"});
  when(entry.compares != Compares::logits && taught && !is_part(edge.teacher, all),
       {"teacher-tap"});
  for (const CriterionNumber& number : entry.numbers) known.emplace_back(number.name);
  return known;
}

std::vector<std::string> criterion_names(bool from_label) {
  std::vector<std::string> names;
  for (const CriterionEntry& entry : criteria()) {
    if (entry.from_label == from_label) names.emplace_back(entry.name);
  }
  return names;
}

const CriterionEntry& find_criterion(const std::string& word, bool from_label) {
  for (const CriterionEntry& entry : criteria()) {
    if (entry.name != word) continue;
    if (entry.from_label == from_label) return entry;
    throw UsageError(
        (from_label ? "the label teaches with " : word + " is for the label; expected ") +
        join(criterion_names(from_label), " or ") + (from_label ? " only" : ""));
  }
  throw UsageError(unknown_message("criterion", word, criterion_names(from_label)));
}

// No sub-model is larger than the full one, and none stands among its own peers.
void check_ends(const Edge& edge) {
  const Role teacher = edge.teacher.role;
  const bool larger = teacher == Role::full || teacher == Role::next_larger ||
                      teacher == Role::larger || teacher == Role::assistant;
  if (edge.student.role == Role::full && larger) {
    throw UsageError(
        "no sub-model is larger than the full one; expected "
        "label, peers or a node");
  }
  if (edge.student.role == Role::node &&
      (teacher == Role::peers || (larger && teacher != Role::full))) {
    throw UsageError(
        "a node has no peers and no larger sub-model; expected label, full, smallest, "
        "submodel:N or a node");
  }
  if (edge.teacher == edge.student) {
    throw UsageError("\"" + endpoint_text(edge.student) + "\" would teach itself");
  }
}

void check_filters(const Edge& edge, const CriterionEntry& entry, const PlanNames& known) {
  if (is_part(edge.student, known)) {
    throw UsageError("\"" + edge.student.node + "\" is a part of a frozen map; it cannot learn");
  }
  if (is_part(edge.teacher, known) && entry.compares != Compares::features) {
    throw UsageError("\"" + edge.teacher.node +
                     "\" is a part of a map; expected a criterion of features, such as normalized");
  }
}

ValueSchedule read_schedule(const std::string& name, const std::string& text, double low) {
  ValueSchedule schedule;
  try {
    schedule = parse_schedule(text);
  } catch (const UsageError& error) {
    throw UsageError(name + ": " + error.what());
  }
  const auto [least, most] = schedule.range();
  const bool nothing = name == "weight" && most <= 0;
  if (least < low || most > kMost || nothing || (name == "temperature" && least <= 0)) {
    throw UsageError(name + ": expected " + (low > 0 || nothing ? "more than 0" : "0 or more") +
                     " and at most " + format_real(kMost) + ", found \"" + text + "\"");
  }
  return schedule;
}

void read_taps(const Properties& given, const CriterionEntry& entry, Edge& edge) {
  if (entry.compares == Compares::logits) return;
  edge.tap = given.needed("tap", "a layer's name, feature, map or depth:0.5");
  const std::string* other = given.find("teacher-tap");
  edge.teacher_tap = other != nullptr ? *other : edge.tap;
  const bool pairs = entry.compares == Compares::pairs;
  for (const std::string& tap : {edge.tap, edge.teacher_tap}) {
    if (split(tap, '+').size() == (pairs ? 2U : 1U)) continue;
    throw UsageError("tap: expected " + std::string(pairs ? "two layers, A+B" : "one layer") +
                     ", found \"" + tap + "\"");
  }
  if (const std::string* text = given.find("adapter")) {
    edge.adapter = pick("adapter", *text, kAdapters);
  }
}

void read_selection(const Properties& given, Edge& edge) {
  const std::string* select = given.find("select");
  if (select != nullptr) edge.select = pick("selector", *select, kSelectors);
  const std::string* cutoff = given.find("cutoff");
  if (cutoff != nullptr) edge.cutoff = read_number("cutoff", *cutoff, 0, 1);
  if (needs_cutoff(edge.select) != (cutoff != nullptr)) {
    throw UsageError(cutoff != nullptr
                         ? "cutoff is for select=teacher-confident and select=student-unsure"
                         : "cutoff is missing: select=" + *select + " needs it");
  }
  const std::string* over = given.find("over");
  if (over != nullptr) edge.over = pick("over", *over, kOvers);
  if ((edge.select != Selector::all) != (over != nullptr)) {
    throw UsageError(over != nullptr
                         ? "over needs a selector"
                         : "over is missing: a mean over the batch, or over those selected");
  }
}

void read_properties(const Properties& given, const CriterionEntry& entry, const PlanNames& known,
                     Edge& edge) {
  const auto when = [&](const char* name, const auto& read) {
    if (const std::string* text = given.find(name)) read(*text);
  };
  const std::string why = std::string(entry.name) + " needs it spelt out";
  when("weight", [&](const auto& text) { edge.weight = read_schedule("weight", text, 0); });
  when("temperature",
       [&](const auto& text) { edge.temperature = read_schedule("temperature", text, 0.001); });
  when("temper", [&](const auto& text) { edge.temper = pick("temper", text, kTempers); });
  when("share", [&](const auto& text) { edge.share = pick("share", text, kShares); });
  when("drop", [&](const auto& text) { edge.drop = read_whole("drop", text, 0, 1000); });
  when("view", [&](const auto& text) { edge.view = pick_name("view", text, known.views); });
  when("teacher-view",
       [&](const auto& text) { edge.teacher_view = pick_name("view", text, known.views); });
  when("in", [&](const auto& text) {
    for (const std::string& stage : split(text, ',')) {
      edge.in.push_back(pick_name("stage", stage, known.stages));
    }
  });
  if (entry.reduced) {
    edge.reduction = pick("reduction", given.needed("reduction", why), kReductions);
  }
  if (!entry.from_label) {
    if (entry.tempered) edge.t_power = pick("t-power", given.needed("t-power", why), kPowers);
    edge.gradient = pick("gradient", given.needed("gradient", why), kGradients);
    const Names& frozen = known.frozen;
    if (edge.gradient == GradientPolicy::through && !can_go_through(edge.criterion)) {
      throw UsageError(std::string("gradient=through: ") + entry.name +
                       " gives its teacher none; expected gradient=stop");
    }
    if (edge.gradient == GradientPolicy::through &&
        std::find(frozen.begin(), frozen.end(), edge.teacher.node) != frozen.end()) {
      throw UsageError("gradient=through: \"" + edge.teacher.node +
                       "\" is frozen; expected gradient=stop");
    }
  }
  if (edge.teacher.role == Role::assistant) {
    edge.rank = read_schedule("rank", given.needed("rank", "0 is the next larger, 1 the full"), 0);
    if (edge.rank.range().second > 1) throw UsageError("rank: expected 0 to 1");
  }
  for (const CriterionNumber& number : entry.numbers) {
    const std::string* text = given.find(number.name);
    edge.numbers[number.name] = text == nullptr
                                    ? number.fallback
                                    : read_number(number.name, *text, number.low, number.high);
  }
  read_taps(given, entry, edge);
  read_selection(given, edge);
}

std::vector<Edge> read_edges(std::string_view text, const PlanNames& known) {
  const std::vector<std::string> found = plan_words(text);
  if (found.size() < 5 || found[1] != "->" || found[3] != ":") {
    throw UsageError("expected TEACHER -> STUDENT : CRITERION property=value ...");
  }
  Edge edge;
  edge.teacher = parse_endpoint("teacher", found[0], known.nodes);
  edge.student = parse_endpoint("student", found[2], known.nodes);
  check_ends(edge);
  const std::vector<std::string> rest{found.begin() + 5, found.end()};
  if (const Preset* preset = find_preset(found[4])) {
    std::vector<Edge> edges;
    for (const std::string& one : expand(*preset, found[0], found[2], rest)) {
      edges.push_back(parse_edge(one, known));
    }
    return edges;
  }
  const CriterionEntry& entry = find_criterion(found[4], edge.teacher.role == Role::label);
  check_filters(edge, entry, known);
  edge.criterion = entry.criterion;
  read_properties(Properties(rest, known_properties(edge, entry, known)), entry, known, edge);
  return {edge};
}

}  // namespace

std::vector<Edge> parse_edges(std::string_view text, const PlanNames& known) {
  return read_named("edge", text, [&] { return read_edges(text, known); });
}

Edge parse_edge(std::string_view text, const PlanNames& known) {
  return parse_edges(text, known).front();
}

std::string edge_text(const Edge& edge) {
  const CriterionEntry& entry = entry_of(edge.criterion);
  const bool taught = !entry.from_label;
  std::string text = endpoint_text(edge.teacher) + " -> " + endpoint_text(edge.student) + " : " +
                     entry.name + " weight=" + schedule_text(edge.weight);
  const auto put = [&](bool yes, const char* name, const std::string& value) {
    if (yes) text += std::string(" ") + name + "=" + value;
  };
  const std::string temperature = schedule_text(edge.temperature);
  put(entry.tempered && (taught || temperature != "1"), "temperature", temperature);
  put(edge.temper != Temper::both, "temper", text_of(edge.temper, kTempers));
  put(entry.reduced, "reduction", text_of(edge.reduction, kReductions));
  put(entry.tempered && taught, "t-power", std::to_string(edge.t_power));
  put(taught, "gradient", text_of(edge.gradient, kGradients));
  put(edge.share != Share::mean, "share", text_of(edge.share, kShares));
  put(edge.drop != 0, "drop", std::to_string(edge.drop));
  put(edge.teacher.role == Role::assistant, "rank", schedule_text(edge.rank));
  put(edge.select != Selector::all, "select", text_of(edge.select, kSelectors));
  put(needs_cutoff(edge.select), "cutoff", format_real(edge.cutoff));
  put(edge.select != Selector::all, "over", text_of(edge.over, kOvers));
  put(!edge.tap.empty(), "tap", edge.tap);
  put(edge.teacher_tap != edge.tap, "teacher-tap", edge.teacher_tap);
  put(edge.adapter != Adapter::none, "adapter", text_of(edge.adapter, kAdapters));
  put(!edge.view.empty(), "view", edge.view);
  put(!edge.teacher_view.empty(), "teacher-view", edge.teacher_view);
  put(!edge.in.empty(), "in", join(edge.in, ","));
  for (const CriterionNumber& number : entry.numbers) {
    const auto found = edge.numbers.find(number.name);
    if (found == edge.numbers.end() || found->second == number.fallback) continue;
    put(true, number.name, format_real(found->second));
  }
  return text;
}

}  // namespace concertina
