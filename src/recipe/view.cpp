// The text of a plan's view.
#include <algorithm>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

#include "names.h"
#include "plan_words.h"

namespace concertina {
namespace {

constexpr Name<AttackNorm> kNorms[] = {
    {"batch", AttackNorm::batch}, {"running", AttackNorm::running}, {"update", AttackNorm::update}};

struct ViewEntry {
  const char* name;
  ViewKind kind;
  std::vector<CriterionNumber> numbers;
};

// Pixels are 0 to 1. docs/methods.md, Adversarial images and Two views.
const std::vector<ViewEntry>& entries() {
  static const std::vector<ViewEntry> all = {
      {"plain", ViewKind::plain, {}},
      {"augmented", ViewKind::augmented, {}},
      {"original", ViewKind::original, {}},
      {"gray", ViewKind::gray, {{"noise", 0, 0, 1}}},
      {"attack",
       ViewKind::attack,
       {{"epsilon", 8.0 / 255, 0, 1},
        {"step", 2.0 / 255, 0, 1},
        {"steps", 10, 1, 1000, true},
        {"random-start", 1, 0, 1, true}}},
      {"replay", ViewKind::replay, {{"epsilon", 8.0 / 255, 0, 1}}},
  };
  return all;
}

const ViewEntry& entry_of(ViewKind kind) {
  const auto is_it = [&](const ViewEntry& entry) { return entry.kind == kind; };
  return *std::find_if(entries().begin(), entries().end(), is_it);
}

const ViewEntry& find_entry(const std::string& word) {
  std::vector<std::string> known;
  for (const ViewEntry& entry : entries()) {
    if (entry.name == word) return entry;
    known.emplace_back(entry.name);
  }
  throw UsageError(unknown_message("kind of view", word, known));
}

// "0.03", "8/255"
std::string decimal(const std::string& text) {
  const std::size_t bar = text.find('/');
  if (bar == std::string::npos) return text;
  const auto above = parse_real(text.substr(0, bar)), below = parse_real(text.substr(bar + 1));
  return above && below && *below > 0 ? format_real(*above / *below) : text;
}

double read_of(const CriterionNumber& number, const std::string& text) {
  if (number.whole) {
    return read_whole(number.name, text, static_cast<int>(number.low),
                      static_cast<int>(number.high));
  }
  return read_number(number.name, decimal(text), number.low, number.high);
}

PlanView read_view(std::string_view text, const Names& views) {
  const std::vector<std::string> found = plan_words(text);
  if (found.size() < 3 || found[1] != ":") {
    throw UsageError("expected NAME : KIND property=value ...");
  }
  PlanView view;
  view.name = found[0];
  check_new_name(view.name, views);
  const ViewEntry& entry = find_entry(found[2]);
  view.kind = entry.kind;
  std::vector<std::string> known;
  for (const CriterionNumber& number : entry.numbers) known.emplace_back(number.name);
  if (view.kind == ViewKind::attack) known.emplace_back("norm");
  const Properties given({found.begin() + 3, found.end()}, known);
  for (const CriterionNumber& number : entry.numbers) {
    const std::string* value = given.find(number.name);
    view.numbers[number.name] = value == nullptr ? number.fallback : read_of(number, *value);
  }
  if (view.kind == ViewKind::attack) {
    view.norm = pick("norm",
                     given.needed("norm",
                                  "batch (statistics of the batch), running (the running "
                                  "ones) or update (batch, and the running ones move)"),
                     kNorms);
  }
  return view;
}

}  // namespace

const std::vector<CriterionNumber>& view_numbers(ViewKind kind) { return entry_of(kind).numbers; }

PlanView parse_view(std::string_view text, const Names& views) {
  return read_named("view", text, [&] { return read_view(text, views); });
}

std::string view_text(const PlanView& view) {
  const ViewEntry& entry = entry_of(view.kind);
  std::string text = view.name + " : " + entry.name;
  for (const CriterionNumber& number : entry.numbers) {
    const auto found = view.numbers.find(number.name);
    if (found == view.numbers.end()) continue;
    text += std::string(" ") + number.name + "=" + format_real(found->second);
  }
  if (view.kind == ViewKind::attack) text += " norm=" + text_of(view.norm, kNorms);
  return text;
}

}  // namespace concertina
