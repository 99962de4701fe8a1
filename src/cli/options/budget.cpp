#include "options/budget.h"

#include <string>

#include "concertina/core/text.h"

namespace concertina::cli {
namespace {

struct Limit {
  const char* name;
  const char* value;
  const char* help;
  Unit unit;
  std::optional<double> Budget::*bound;
  bool measured;  // not known from the shapes
};

const std::vector<Limit> kLimits = {
    {"max-macs", "N", "multiply-accumulates an image, such as 15M", Unit::count, &Budget::max_macs,
     false},
    {"max-params", "N", "parameters, such as 500k", Unit::count, &Budget::max_params, false},
    {"max-bytes", "B", "size of the weights, such as 2MiB", Unit::bytes, &Budget::max_bytes, false},
    {"max-memory", "B", "most activations alive at once, an image, such as 512KiB", Unit::bytes,
     &Budget::max_memory, false},
    {"max-latency", "T", "median of a batch, such as 4ms", Unit::seconds, &Budget::max_latency,
     true},
    {"min-accuracy", "F", "share of correct answers, such as 85% or 0.85", Unit::fraction,
     &Budget::min_accuracy, true}};

std::vector<Option> options_of(bool measured) {
  std::vector<Option> options;
  for (const Limit& limit : kLimits) {
    if (limit.measured != measured) continue;
    options.push_back(text_option(limit.name, limit.value, limit.help));
  }
  return options;
}

void take_limits(const Options& options, bool measured, Budget& budget) {
  for (const Limit& limit : kLimits) {
    if (limit.measured != measured || !options.given(limit.name)) continue;
    budget.*limit.bound =
        parse_quantity(options.text(limit.name), limit.unit, std::string("--") + limit.name);
  }
}

}  // namespace

std::vector<Option> cost_options() { return options_of(false); }
std::vector<Option> measured_options() { return options_of(true); }

Budget cost_budget(const Options& options) {
  Budget budget;
  take_limits(options, false, budget);
  return budget;
}

Budget whole_budget(const Options& options) {
  Budget budget = cost_budget(options);
  take_limits(options, true, budget);
  return budget;
}

}  // namespace concertina::cli
