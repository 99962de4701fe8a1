#include "concertina/recipe/recipe.h"

#include <algorithm>
#include <map>
#include <system_error>

#include "concertina/core/error.h"
#include "concertina/core/file.h"
#include "concertina/core/text.h"
#include "concertina/recipe/ini.h"

#include "keys.h"
#include "plan_check.h"

namespace concertina {
namespace {

namespace fs = std::filesystem;

// One value to set, and where it was said: "schedules/x.ini:7: optimizer.lr", "setting
// optimizer.lr=x".
struct Setting {
  const KeyRow* row = nullptr;
  std::string value;
  std::string place;
};
using Settings = std::vector<Setting>;

std::vector<std::string> sections() {
  std::vector<std::string> out;
  for (const KeyRow& row : key_rows()) {
    if (out.empty() || out.back() != row.key.section) out.push_back(row.key.section);
  }
  return out;
}

[[noreturn]] void refuse_key(const std::string& place, const std::string& section,
                             const std::string& name) {
  std::vector<std::string> known;
  std::string elsewhere;
  for (const KeyRow& row : key_rows()) {
    if (row.key.section == section) known.push_back(row.key.name);
    if (row.key.name == name) elsewhere = row.full_name();
  }
  if (known.empty()) throw UsageError(place + unknown_message("section", section, sections()));
  const std::string near = nearest(name, known);
  const std::string hint = near.empty() ? elsewhere : section + "." + near;
  throw UsageError(place + "unknown key \"" + section + "." + name + "\"; " +
                   (hint.empty() ? "[" + section + "] knows: " + join(known, " ")
                                 : "did you mean \"" + hint + "\"?"));
}

const KeyRow& find_row(const std::string& place, const std::string& section,
                       const std::string& name) {
  for (const KeyRow& row : key_rows()) {
    if (row.key.section == section && row.key.name == name) return row;
  }
  refuse_key(place, section, name);
}

Settings read_settings(std::string_view text, const std::string& name) {
  Settings settings;
  std::map<std::string, int> lines;
  for (const IniEntry& entry : parse_ini(text, name)) {
    const std::string place = name + ":" + std::to_string(entry.line) + ": ";
    const KeyRow& row = find_row(place, entry.section, entry.key);
    const auto [first, fresh] = lines.emplace(row.full_name(), entry.line);
    if (!fresh && !row.is_list()) {
      throw UsageError(place + row.full_name() + " is given twice; first on line " +
                       std::to_string(first->second));
    }
    settings.push_back({&row, entry.value, place + row.full_name()});
  }
  return settings;
}

Settings read_overrides(const Overrides& overrides) {
  Settings settings;
  for (const std::string& text : overrides) {
    const std::string place = "setting " + text;
    const std::size_t equals = text.find('=');
    const std::size_t dot = text.find('.');
    if (equals == std::string::npos || dot > equals) {
      throw UsageError(place + ": expected section.key=value");
    }
    const std::string section(trim(text.substr(0, dot)));
    const std::string name(trim(text.substr(dot + 1, equals - dot - 1)));
    const KeyRow& row = find_row(place + ": ", section, name);
    if (row.full_name() == "recipe.extends") {
      throw UsageError(place + ": a recipe is extended in a file only; expected another key");
    }
    settings.push_back({&row, std::string(trim(text.substr(equals + 1))), place});
  }
  return settings;
}

// Lists that are given replace those inherited. In the table's order, where what edges name stands
// before them.
void apply(Settings settings, Recipe& recipe, Places& places) {
  for (const Setting& setting : settings) {
    if (setting.row->is_list()) setting.row->clear(recipe);
  }
  std::stable_sort(settings.begin(), settings.end(),
                   [](const Setting& a, const Setting& b) { return a.row < b.row; });
  for (const Setting& setting : settings) {
    places[setting.row->full_name()] = setting.place;
    try {
      setting.row->read(recipe, setting.value);
    } catch (const UsageError& error) {
      throw UsageError(setting.place + ": " + error.what());
    }
  }
}

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || fs::path(name).extension() == ".ini";
}

bool is_there(const fs::path& path) {
  std::error_code ignored;  // a name that no file can have is one that is not there
  return fs::exists(path, ignored);
}

fs::path find_in(const fs::path& folder, const std::string& name, const std::string& place) {
  const fs::path path = folder / (name + ".ini");
  if (is_there(path)) return path;
  throw NoInputError(place + unknown_message("recipe", name, recipe_names(folder)));
}

struct Layer {
  std::string path;
  Settings settings;
};

void refuse_circle(const std::vector<Layer>& layers, const fs::path& next,
                   const std::string& place) {
  std::string circle;
  bool found = false;
  for (const Layer& layer : layers) {
    found = found || fs::equivalent(layer.path, next);
    if (found) circle += layer.path + " -> ";
  }
  if (found) throw UsageError(place + ": a circle: " + circle + next.string());
}

// The recipe's own settings first, then what it extends, and so on.
std::vector<Layer> read_layers(fs::path path, const fs::path& folder) {
  std::vector<Layer> layers;
  for (;;) {
    layers.push_back({path.string(), read_settings(read_file(path), path.string())});
    const Settings& settings = layers.back().settings;
    const auto extends = std::find_if(settings.begin(), settings.end(), [](const Setting& s) {
      return s.row->full_name() == "recipe.extends";
    });
    if (extends == settings.end()) return layers;
    path = is_path(extends->value) ? path.parent_path() / extends->value
                                   : find_in(folder, extends->value, extends->place + ": ");
    if (!is_there(path)) {
      throw NoInputError(extends->place + ": no file \"" + path.string() + "\"");
    }
    refuse_circle(layers, path, extends->place);
  }
}

Recipe assemble(const std::vector<Layer>& layers, const Overrides& overrides) {
  Recipe recipe = default_recipe();
  recipe.name = fs::path(layers.front().path).stem().string();
  Places places;
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    recipe.summary.clear();  // describes one recipe, not those that extend it
    apply(layer->settings, recipe, places);
  }
  apply(read_overrides(overrides), recipe, places);
  check_recipe(recipe, places);
  return recipe;
}

}  // namespace

std::vector<std::string> recipe_names(const fs::path& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".ini") names.push_back(entry.path().stem().string());
  }
  if (error) {
    throw NoInputError("the recipes' folder \"" + folder.string() + "\": " + error.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

Recipe load_recipe(const std::string& name_or_file, const fs::path& folder,
                   const Overrides& overrides) {
  const fs::path path =
      is_path(name_or_file) ? fs::path(name_or_file) : find_in(folder, name_or_file, "");
  return assemble(read_layers(path, folder), overrides);
}

Recipe parse_recipe(std::string_view text, const std::string& name, const Overrides& overrides) {
  const Settings settings = read_settings(text, name);
  for (const Setting& setting : settings) {
    if (setting.row->full_name() == "recipe.extends") {
      throw UsageError(setting.place + ": only a recipe that is a file can extend another");
    }
  }
  return assemble({{name, settings}}, overrides);
}

std::string print_recipe(const Recipe& recipe) {
  std::string text;
  std::string section;
  for (const KeyRow& row : key_rows()) {
    if (row.key.section != section) {
      text += (section.empty() ? "[" : "\n[") + row.key.section + "]\n";
      section = row.key.section;
    }
    for (const std::string& value : row.write(recipe)) {
      text += row.key.name + " = " + ini_value(value) + "\n";
    }
  }
  return text;
}

}  // namespace concertina
