// Published settings of a distillation loss as one line: a preset's name in the place of an edge's
// criterion stands for the label's edge and the teacher's, and for the full sub-model's own where
// the teacher is a larger sub-model. Public code differs in reduction, power of the temperature,
// the label's weight and the teacher's gradient: docs/methods.md, Normalization in public code.
//   full -> students : takd share=0.5 temperature=4
#pragma once

#include <string>
#include <vector>

namespace concertina {

struct Preset {
  const char* name;
  const char* source;    // whose code
  double share;          // of the teacher's edge, the default; 0 = this setting has none
  double temperature;    // the default
  double label;          // weight of the label's edge; below 0: 1 - share
  const char* label_is;  // the label's criterion and properties but the weight; "@": temperature
  const char* weight;    // of the teacher's edge; times the share where there is one
  const char* teacher_is;
};

const std::vector<Preset>& presets();
const Preset* find_preset(const std::string& name);  // null when it is none

// The texts of the edges. `properties`: temperature=T; share=S, above 0 and at most 1, where the
// preset has one; in=STAGES for all edges; any other goes to the teacher's edge. Throws UsageError.
std::vector<std::string> expand(const Preset& preset, const std::string& teacher,
                                const std::string& student,
                                const std::vector<std::string>& properties);

}  // namespace concertina
