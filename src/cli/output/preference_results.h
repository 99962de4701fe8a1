// Shows a choice by preferences (`concertina select --prefer`) as text, as JSON, and in
// choice.ini.
#pragma once

#include <string>

#include "concertina/experiment/choice.h"

#include "output/results.h"

namespace concertina::cli {

using experiment::Preferred;

// Says on the log which rows were left out, and who contradicts themselves.
void warn_of_preferences(const Preferred& preferred);

// The weights, what holds and what does not, and the value of each row.
std::string preferences_text(const Preferred& preferred);
Json preferences_json(const Preferred& preferred);
// Further sections of choice.ini.
std::string preferences_ini(const Preferred& preferred);

}  // namespace concertina::cli
