#include "concertina/experiment/preference_file.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/ini.h"

namespace concertina::experiment {
namespace {

constexpr std::size_t kMostStatements = 100;  // what people say; the time grows with the square

class Reader {
 public:
  Reader(std::string file, const std::vector<Measurement>& rows)
      : file_(std::move(file)), rows_(rows) {}

  Preferences read(const std::string& text) {
    for (const IniEntry& entry : parse_ini(text, file_)) {
      place_ = file_ + ":" + std::to_string(entry.line);
      const std::vector<std::string> section = words(entry.section);
      if (entry.section == "preferences") {
        set(entry);
      } else if (section.front() == "maker" && section.size() > 1) {
        hear(entry, entry.section.substr(std::string("maker").size()));
      } else {
        refuse("section [" + entry.section + "]; expected [preferences] or [maker NAME]");
      }
    }
    check_said();
    return std::move(preferences_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw UsageError(place_ + ": " + what);
  }

  void check_said() const {
    bool counts = false;
    for (const Maker& maker : preferences_.makers) {
      counts = counts || maker.importance > 0;
      if (!maker.statements.empty()) continue;
      throw UsageError(file_ + ": maker \"" + maker.name +
                       "\" says nothing; expected says = A > B");
    }
    if (counts) return;
    throw UsageError(file_ +
                     ": no maker of an importance above 0; expected [maker NAME] with says");
  }

  void check_once(const IniEntry& entry) {
    const auto [first, fresh] = lines_.emplace(entry.section + "." + entry.key, entry.line);
    if (!fresh) {
      refuse(entry.key + " is given twice; first on line " + std::to_string(first->second));
    }
  }

  std::size_t one_of(const IniEntry& entry, const std::vector<std::string>& known) const {
    const auto found = std::find(known.begin(), known.end(), entry.value);
    if (found == known.end()) refuse(unknown_message(entry.key, entry.value, known));
    return static_cast<std::size_t>(found - known.begin());
  }

  double number(const IniEntry& entry, double low, double high, const std::string& expected) const {
    const std::optional<double> value = parse_real(entry.value);
    const bool fine = value && *value >= low && *value <= high;
    if (!fine) refuse(entry.key + " \"" + entry.value + "\"; expected " + expected);
    return *value;
  }

  // A key of [preferences].
  void set(const IniEntry& entry) {
    check_once(entry);
    if (entry.key == "attributes") {
      for (const std::string& word : words(entry.value)) {
        preferences_.attributes.push_back(attribute(word));
      }
    } else if (entry.key == "margin") {
      preferences_.margin = number(entry, 1e-6, 1, "0.000001 to 1");
    } else if (entry.key == "scale") {
      preferences_.scale =
          one_of(entry, {"linear", "log"}) == 0 ? CostScale::linear : CostScale::log;
    } else if (entry.key == "sum") {
      preferences_.sum = one_of(entry, {"one", "free"}) == 0 ? WeightSum::one : WeightSum::free;
    } else {
      refuse(unknown_message("key", entry.key, {"attributes", "margin", "scale", "sum"}));
    }
  }

  // A key of [maker NAME].
  void hear(const IniEntry& entry, const std::string& name) {
    Maker& maker = maker_called(std::string(trim(name)));
    if (entry.key == "says") {
      hear(maker, entry.value);
    } else if (entry.key == "importance") {
      check_once(entry);
      const std::string expected = "0 (as if absent), or 0.01 to 100";
      const double value = number(entry, 0, 100, expected);
      maker.importance = value == 0 ? 0 : number(entry, 0.01, 100, expected);
    } else {
      refuse(unknown_message("key", entry.key, {"importance", "says"}));
    }
  }

  Maker& maker_called(const std::string& name) {
    std::vector<Maker>& makers = preferences_.makers;
    const auto found = std::find_if(makers.begin(), makers.end(),
                                    [&](const Maker& maker) { return maker.name == name; });
    if (found != makers.end()) return *found;
    makers.push_back({name, 1, {}});
    return makers.back();
  }

  // "A > B ~ C": a statement for each two that stand side by side.
  void hear(Maker& maker, const std::string& text) {
    std::string signs;
    std::vector<Alternative> sides;
    std::vector<std::string> texts;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find_first_of(">~", begin), text.size());
      texts.push_back(join(words(text.substr(begin, end - begin)), " "));
      sides.push_back(alternative(texts.back()));
      if (end < text.size()) signs += text[end];
      begin = end + 1;
    }
    if (signs.empty()) {
      refuse("\"" + text + "\"; expected two alternatives with > (preferred) or ~ (equal) between");
    }
    for (std::size_t k = 0; k < signs.size(); ++k) {
      if (++statements_ > kMostStatements) {
        refuse("more than " + std::to_string(kMostStatements) + " statements; expected fewer");
      }
      maker.statements.push_back({sides[k], sides[k + 1], signs[k] == '~',
                                  texts[k] + " " + signs[k] + " " + texts[k + 1], place_});
    }
  }

  // "accuracy=90% macs=20M" or "w0.500".
  Alternative alternative(const std::string& text) const {
    const std::vector<std::string> parts = words(text);
    if (parts.empty()) refuse("an alternative is empty; expected a sub-model, or " + form());
    if (text.find('=') == std::string::npos) return submodel(parts);
    Alternative made;
    for (const std::string& part : parts) {
      const std::size_t equals = part.find('=');
      if (equals == std::string::npos) {
        refuse("\"" + part + "\" in \"" + text + "\"; expected " + form());
      }
      const Attribute named = attribute(part.substr(0, equals));
      double& figure = made.figures[static_cast<std::size_t>(named)];
      const std::string name = attribute_name(named);
      if (!std::isnan(figure)) refuse(name + " is given twice in \"" + text + "\"");
      figure = parse_quantity(part.substr(equals + 1), attribute_unit(named), place_ + ": " + name);
    }
    return made;
  }

  static std::string form() { return "attribute=value, as in accuracy=90% macs=20M"; }

  Alternative submodel(const std::vector<std::string>& parts) const {
    if (parts.size() > 1) {
      refuse("\"" + join(parts, " ") + "\"; expected one sub-model, or " + form());
    }
    std::vector<std::string> ids;
    for (const Measurement& row : rows_) {
      if (row.id == parts.front()) return {figures_of(row), true};
      ids.push_back(row.id);
    }
    refuse(unknown_message("sub-model", parts.front(), ids));
  }

  Attribute attribute(const std::string& name) const {
    try {
      return parse_attribute(name);
    } catch (const UsageError& error) {
      refuse(error.what());
    }
  }

  std::string file_;
  const std::vector<Measurement>& rows_;
  std::string place_;  // of the entry being read: "prefs.ini:4"
  Preferences preferences_;
  std::size_t statements_ = 0;
  std::map<std::string, int> lines_;  // of every key that may be given once
};

}  // namespace

Preferences parse_preferences(const std::string& text, const std::string& file,
                              const std::vector<Measurement>& rows) {
  return Reader(file, rows).read(text);
}

}  // namespace concertina::experiment
