// The sub-model chosen from a sweep, and the file that keeps the choice.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "concertina/select/preferences.h"
#include "concertina/select/select.h"
#include "concertina/store/sweep_file.h"

namespace concertina::experiment {

struct ChoiceRequest {
  Budget budget;
  CostAxis axis = CostAxis::macs;  // of the Pareto front
  std::string preferences;         // a file; "" = the most accurate that fits
};

// A choice by preferences.
struct Preferred {
  std::string file;
  Preferences preferences;
  PreferredChoice result;
};

struct ChoiceResult {
  Budget budget;
  Measurement choice;
  std::size_t fitting = 0;  // rows that fit the budget
  std::vector<Measurement> front;
  std::optional<Preferred> preferred;
};

// Throws NoChoiceError when no row fits, and what the preferences' file is refused with.
ChoiceResult choose_from(const Sweep& sweep, const ChoiceRequest& request);

// Puts the latencies of a table that was measured on another device in the place of the sweep's.
// `sweep_file`: beside it lies the run, whose net has to be the table's. Throws DataError.
void take_latencies(const std::string& table, const std::filesystem::path& sweep_file,
                    Sweep& sweep);

// A choice as RUN/choice.ini keeps it.
struct Choice {
  Subnet subnet;
  std::string run_sha256;
};
// Throws NoInputError when it is not there, DataError when it is not a choice.
Choice read_choice(const std::filesystem::path& file);

}  // namespace concertina::experiment
