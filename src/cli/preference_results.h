// What `concertina select --prefer` says of a choice by preferences: as text, as JSON, and in
// choice.ini.
#pragma once

#include <string>

#include "concertina/select/preferences.h"

#include "results.h"

namespace concertina::cli {

struct Preferred {
  std::string file;
  Preferences preferences;
  PreferredChoice result;
};

// Says on the log which rows were left out, and who contradicts themselves.
void warn_of_preferences(const Preferred& preferred);

// The weights, what holds and what does not, and the value of each row.
std::string preferences_text(const Preferred& preferred);
Json preferences_json(const Preferred& preferred);
// Further sections of choice.ini.
std::string preferences_ini(const Preferred& preferred);

}  // namespace concertina::cli
