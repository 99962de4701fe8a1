// The words of a plan's text: properties, endpoints. Files of this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/recipe/plan.h"

namespace concertina {

// "HEAD MARK ... : KIND a=b c=d": the words, whatever the spaces around -> and : are.
std::vector<std::string> plan_words(std::string_view text);

// property=value words; each is taken once.
class Properties {
 public:
  // Throws UsageError for a word that is none of `known`, has no value or stands twice.
  Properties(const std::vector<std::string>& words, const std::vector<std::string>& known);

  // Null when it is not given.
  const std::string* find(const std::string& name) const;
  // Throws UsageError when it is not given; `why` ends the message.
  const std::string& needed(const std::string& name, const std::string& why) const;

 private:
  std::vector<std::pair<std::string, std::string>> given_;
};

// The numbers that a view of this kind has.
const std::vector<CriterionNumber>& view_numbers(ViewKind kind);

// What `read` gives. Its errors get the line in front: edge "...": what is wrong with it.
template <class Read>
auto read_named(const std::string& kind, std::string_view text, const Read& read) {
  try {
    return read();
  } catch (const UsageError& error) {
    const std::string message = error.what();
    if (message.rfind(kind + " \"", 0) == 0) throw;  // one of a preset's
    throw UsageError(kind + " \"" + std::string(trim(text)) + "\": " + message);
  }
}

// Both throw UsageError unless low <= value <= high.
int read_whole(const std::string& name, const std::string& text, int low, int high);
double read_number(const std::string& name, const std::string& text, double low, double high);

// Throws UsageError unless it is a name: lower-case letters, digits and dashes, none of `taken`.
void check_new_name(const std::string& name, const Names& taken);

// The words of all roles.
Names role_names();
// One of the names, or throws UsageError with the nearest.
std::string pick_name(const std::string& kind, const std::string& word, const Names& known);

// A teacher, a student or a member of a node. `nodes` are the names besides the roles; throws
// UsageError with the nearest word. `kind`: "teacher", "student", "member".
Endpoint parse_endpoint(const std::string& kind, const std::string& word, const Names& nodes);
std::string endpoint_text(const Endpoint& endpoint);

}  // namespace concertina
