#include "concertina/recipe/preset.h"

#include <algorithm>
#include <cmath>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

#include "plan_words.h"

namespace concertina {
namespace {

constexpr double kRest = -1;

// 1 - 0.9 is 0.1 here.
std::string number_text(double value) { return format_real(std::round(value * 1e12) / 1e12); }

std::string at_temperature(std::string text, double temperature) {
  const std::size_t place = text.find('@');
  return place == std::string::npos ? text : text.replace(place, 1, format_real(temperature));
}

std::string edge(const std::string& teacher, const std::string& student, const std::string& what,
                 const std::string& weight) {
  const std::size_t end = what.find(' ');
  return teacher + " -> " + student + " : " + what.substr(0, end) + " weight=" + weight +
         (end == std::string::npos ? "" : what.substr(end));
}

// The words without those properties that `given` has too: what is given counts.
std::string without(const std::string& words, const std::vector<std::string>& given) {
  std::vector<std::string> kept;
  for (const std::string& word : split(words, ' ')) {
    const std::string name = word.substr(0, word.find('=') + 1);  // "" of the criterion
    const bool again = std::any_of(given.begin(), given.end(), [&](const std::string& one) {
      return !name.empty() && one.rfind(name, 0) == 0;
    });
    if (!again) kept.push_back(word);
  }
  return join(kept, " ");
}

bool is_larger(const std::string& teacher) {
  return teacher == "full" || teacher == "next-larger" || teacher == "larger" ||
         teacher == "assistant";
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      {"us-nets", "JiahuiYu/slimmable_networks", 0, 1, 0, "ce", "1",
       "soft-ce temperature=@ reduction=batchmean t-power=0 gradient=stop"},
      {"ofa", "mit-han-lab/once-for-all", 0, 1, 1, "ce smoothing=0.1", "1",
       "soft-ce temperature=@ reduction=batchmean t-power=0 gradient=stop"},
      {"takd", "imirzadeh/Teacher-Assistant-Knowledge-Distillation, wonchulSon/DGKD", 0.5, 5, kRest,
       "ce", "1",
       "kl temperature=@ reduction=elementmean t-power=2 gradient=stop "
       "share=sum"},
      {"ard", "goldblum/AdversariallyRobustDistillation", 1, 30, kRest, "ce", "1",
       "kl temperature=@ reduction=elementmean t-power=2 gradient=stop"},
      {"nonn", "SLDGroup/NoNN_framework", 0.9, 4, kRest, "ce", "2",
       "kl temperature=@ reduction=elementmean t-power=2 gradient=stop"},
      {"imta", "kalviny/IMTA", 0.9, 3, kRest, "ce", "1",
       "kl temperature=@ reduction=elementmean t-power=2 gradient=stop"},
      {"ekd", "a third party's four-teacher code", 0, 10, 0.5, "ce", "0.6",
       "kl temperature=@ temper=teacher reduction=elementmean t-power=2 "
       "gradient=through share=sum"},
      {"one", "Lan1991Xu/ONE_NeurIPS2018", 0, 3, 1, "ce", "ramp(1,80e)",
       "kl temperature=@ reduction=batchmean t-power=2 gradient=stop "
       "offset=0.0000001"},
      {"okddip", "DefangChen/OKDDip-AAAI2020", 0, 3, 1, "ce", "ramp(1,80e)",
       "kl temperature=@ reduction=batchmean t-power=2 gradient=through "
       "offset=0.0000001"},
      {"okddip-classic", "DefangChen/OKDDip-AAAI2020, its plain distillation", 1, 3, kRest,
       "ce temperature=@", "1", "kl temperature=@ reduction=batchmean t-power=1 gradient=stop"},
      {"lma", "LMA-NeurIPS19/LMA", 0.7, 2, kRest, "ce", "1",
       "kl temperature=@ reduction=batchmean t-power=2 gradient=stop"},
      {"repdistiller", "HobbitLong/RepDistiller", 0.9, 4, kRest, "ce", "1",
       "kl temperature=@ reduction=batchmean t-power=2 gradient=stop"},
      {"dml", "YingZhangDUT/Deep-Mutual-Learning", 0, 1, 1, "ce", "1",
       "kl temperature=@ reduction=batchmean t-power=2 gradient=stop "
       "share=sum"},
  };
  return all;
}

const Preset* find_preset(const std::string& name) {
  for (const Preset& preset : presets()) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

std::vector<std::string> expand(const Preset& preset, const std::string& teacher,
                                const std::string& student,
                                const std::vector<std::string>& properties) {
  std::vector<std::string> own, further;
  std::string in;
  for (const std::string& property : properties) {
    const std::string name = property.substr(0, property.find('='));
    if (name == "in") in = " " + property;
    const bool is_own = name == "temperature" || name == "share";
    if (name != "in") (is_own ? own : further).push_back(property);
  }
  std::vector<std::string> known{"temperature"};
  if (preset.share > 0) known.emplace_back("share");
  const Properties given(own, known);
  const auto number = [&](const char* name, double fallback, double high) {
    const std::string* text = given.find(name);
    return text == nullptr ? fallback : read_number(name, *text, 0.001, high);
  };
  if (teacher == "label") throw UsageError(std::string(preset.name) + " needs a teacher");
  const double temperature = number("temperature", preset.temperature, 1000);
  const double share = number("share", preset.share, 1);
  const double label = preset.label < 0 ? 1 - share : preset.label;
  const bool larger = is_larger(teacher) && (student == "each" || student == "students");
  const std::string taught = larger ? "students" : student;
  std::vector<std::string> edges;
  if (larger) edges.push_back(edge("label", "full", "ce", "1") + in);
  if (label > 0) {
    const std::string label_is = at_temperature(preset.label_is, temperature);
    edges.push_back(edge("label", taught, label_is, number_text(label)) + in);
  }
  const std::string weight =
      share > 0 ? number_text(share * *parse_real(preset.weight)) : std::string(preset.weight);
  const std::string teacher_is = without(at_temperature(preset.teacher_is, temperature), further);
  edges.push_back(edge(teacher, taught, teacher_is, weight) + in + (further.empty() ? "" : " ") +
                  join(further, " "));
  return edges;
}

}  // namespace concertina
