#include "plan_words.h"

#include <algorithm>
#include <cctype>

#include "names.h"

namespace concertina {
namespace {

constexpr Name<Role> kTeachers[] = {
    {"label", Role::label},       {"full", Role::full},
    {"smallest", Role::smallest}, {"next-larger", Role::next_larger},
    {"larger", Role::larger},     {"assistant", Role::assistant},
    {"peers", Role::peers}};
constexpr Name<Role> kStudents[] = {{"each", Role::each},
                                    {"students", Role::students},
                                    {"smallest", Role::smallest},
                                    {"full", Role::full}};
constexpr const char* kSubmodel = "submodel:";

}  // namespace

std::vector<std::string> plan_words(std::string_view text) {
  std::string spaced;
  bool head = true;  // marks further back belong to a value
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool arrow = head && text.substr(i, 2) == "->";
    const std::string_view piece = text.substr(i, arrow ? 2 : 1);
    const bool number_follows = i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
    const bool colon = head && piece == ":" && !number_follows;
    if (colon) head = false;
    const bool mark = arrow || colon;
    spaced.append(mark ? " " : "").append(piece).append(mark ? " " : "");
    if (arrow) ++i;
  }
  return words(spaced);
}

Properties::Properties(const std::vector<std::string>& words,
                       const std::vector<std::string>& known) {
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UsageError(unknown_message("property", name, known));
    }
    if (equals == std::string::npos) throw UsageError("expected " + name + "=VALUE");
    if (find(name) != nullptr) throw UsageError(name + " is given twice");
    given_.emplace_back(name, word.substr(equals + 1));
  }
}

const std::string* Properties::find(const std::string& name) const {
  for (const auto& [known, value] : given_) {
    if (known == name) return &value;
  }
  return nullptr;
}

const std::string& Properties::needed(const std::string& name, const std::string& why) const {
  const std::string* value = find(name);
  if (value == nullptr) throw UsageError(name + " is missing: " + why);
  return *value;
}

int read_whole(const std::string& name, const std::string& text, int low, int high) {
  const auto value = parse_integer(text);
  if (value && *value >= low && *value <= high) return static_cast<int>(*value);
  throw UsageError(name + ": expected a whole number from " + std::to_string(low) + " to " +
                   std::to_string(high) + ", found \"" + text + "\"");
}

double read_number(const std::string& name, const std::string& text, double low, double high) {
  const std::optional<double> value = parse_real(text);
  if (!value || *value < low || *value > high) {
    throw UsageError(name + ": expected a number from " + format_real(low) + " to " +
                     format_real(high) + ", found \"" + text + "\"");
  }
  return *value;
}

void check_new_name(const std::string& name, const Names& taken) {
  const auto fits = [](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || c == '-';
  };
  const bool fine = !name.empty() && std::islower(static_cast<unsigned char>(name.front())) != 0 &&
                    std::all_of(name.begin(), name.end(), fits);
  const bool is_taken = std::find(taken.begin(), taken.end(), name) != taken.end();
  if (fine && !is_taken) return;
  throw UsageError("the name \"" + name + "\" " + (fine ? "is taken" : "is not one") +
                   "; expected lower-case letters, digits and dashes, no role "
                   "and no other's name");
}

std::string pick_name(const std::string& kind, const std::string& word, const Names& known) {
  if (std::find(known.begin(), known.end(), word) != known.end()) return word;
  throw UsageError(unknown_message(kind, word, known));
}

Names role_names() {
  Names names = texts_of(kTeachers);
  const Names students = texts_of(kStudents);
  names.insert(names.end(), students.begin(), students.end());
  return names;
}

Endpoint parse_endpoint(const std::string& kind, const std::string& word, const Names& nodes) {
  if (std::find(nodes.begin(), nodes.end(), word) != nodes.end()) return {Role::node, 1, word};
  if (word.rfind(kSubmodel, 0) == 0) {
    const int index = read_whole("submodel", word.substr(std::string(kSubmodel).size()), 1, 10000);
    return {Role::submodel, index, ""};
  }
  std::vector<std::string> known;
  const auto look = [&](const auto& table) -> const Role* {
    for (const auto& name : table) {
      if (name.text == word) return &name.value;
      known.emplace_back(name.text);
    }
    return nullptr;
  };
  const Role* role = kind == "teacher" ? look(kTeachers) : look(kStudents);
  if (role != nullptr) return {*role, 1, ""};
  known.emplace_back("submodel:N");
  known.insert(known.end(), nodes.begin(), nodes.end());
  throw UsageError(unknown_message(kind, word, known));
}

std::string endpoint_text(const Endpoint& endpoint) {
  if (endpoint.role == Role::node) return endpoint.node;
  if (endpoint.role == Role::submodel) return kSubmodel + std::to_string(endpoint.index);
  for (const Name<Role>& name : kTeachers) {
    if (name.value == endpoint.role) return name.text;
  }
  return text_of(endpoint.role, kStudents);
}

}  // namespace concertina
