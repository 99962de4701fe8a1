// A file of preferences: comparisons of alternatives, by decision maker. Its
// form: docs/cli.md. Not for: what follows from them (select/preferences.h).
#pragma once

#include <string>
#include <vector>

#include "concertina/select/preferences.h"

namespace concertina::experiment {

// The sub-models that it names are rows of a sweep. Throws UsageError naming file and line, what
// was found and what is expected.
Preferences parse_preferences(const std::string& text, const std::string& file,
                              const std::vector<Measurement>& rows);

}  // namespace concertina::experiment
