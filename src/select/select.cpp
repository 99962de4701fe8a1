#include "concertina/select/select.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

double macs_of(const Measurement& row) { return static_cast<double>(row.cost.macs); }
double params_of(const Measurement& row) { return static_cast<double>(row.cost.params); }
double bytes_of(const Measurement& row) { return static_cast<double>(row.cost.bytes); }
double memory_of(const Measurement& row) {
  return static_cast<double>(row.cost.peak_activation_bytes);
}
double latency_of(const Measurement& row) { return row.latency_median; }
double accuracy_of(const Measurement& row) { return row.accuracy; }

// One limit of a budget; the table below is the only list of them.
struct Limit {
  const char* name;  // of the option
  const char* noun;
  std::optional<double> Budget::*bound;
  double (*figure)(const Measurement&);
  Unit unit;
  bool at_least;  // the bound is a minimum
};

constexpr std::array<Limit, 6> kLimits = {{
    {"max-macs", "MACs", &Budget::max_macs, macs_of, Unit::count, false},
    {"max-params", "parameters", &Budget::max_params, params_of, Unit::count, false},
    {"max-bytes", "of weights", &Budget::max_bytes, bytes_of, Unit::bytes, false},
    {"max-memory", "of activations", &Budget::max_memory, memory_of, Unit::bytes, false},
    {"max-latency", "a batch", &Budget::max_latency, latency_of, Unit::seconds, false},
    {"min-accuracy", "accuracy", &Budget::min_accuracy, accuracy_of, Unit::fraction, true},
}};

// A figure or bound that is NaN fits nothing.
bool holds(const Limit& limit, const Measurement& row, const Budget& budget) {
  const std::optional<double>& bound = budget.*limit.bound;
  if (!bound) return true;
  const double figure = limit.figure(row);
  return limit.at_least ? figure >= *bound : figure <= *bound;
}

std::string exact_text(double value, Unit unit) {
  return format_real(value) + (unit == Unit::seconds ? "s" : unit == Unit::bytes ? "B" : "");
}

// Short where that reads back to the same value: "15M", but "15040001".
std::string bound_text(double value, Unit unit) {
  const std::string text = format_quantity(value, unit);
  const bool readable =
      std::isfinite(value) && value >= 0 && (unit != Unit::fraction || value <= 1);
  return readable && parse_quantity(text, unit, "budget") == value ? text : exact_text(value, unit);
}

// Rounded for the eye, but never to the text of the bound that it breaks.
std::string figure_text(const Measurement& row, const Limit& limit, const Budget& budget) {
  const double figure = limit.figure(row);
  const std::string text = format_quantity(figure, limit.unit);
  const bool same = text == format_quantity(*(budget.*limit.bound), limit.unit);
  return (same ? exact_text(figure, limit.unit) : text) + " " + limit.noun;
}

// A row's cost under a limit, signed so that less is always nearer to fitting.
double burden(const Measurement& row, const Limit& limit) {
  const double figure = limit.figure(row);
  if (std::isnan(figure)) return std::numeric_limits<double>::infinity();
  return limit.at_least ? -figure : figure;
}

const Measurement& cheapest(const std::vector<Measurement>& rows, const Limit& limit) {
  return *std::min_element(rows.begin(), rows.end(),
                           [&](const Measurement& a, const Measurement& b) {
                             return burden(a, limit) < burden(b, limit);
                           });
}

std::vector<Measurement> rows_that_fit(const std::vector<Measurement>& rows, const Budget& budget) {
  std::vector<Measurement> fitting;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(fitting),
               [&](const Measurement& row) { return fits(row, budget); });
  return fitting;
}

// The row nearest to the last limit given among those that meet the limits before it; when none
// does, the same question without that limit. So the sentence is about the first limit that leaves
// nothing.
std::string nearest_miss(const std::vector<Measurement>& rows, const Budget& budget) {
  const auto last = std::find_if(kLimits.rbegin(), kLimits.rend(),
                                 [&](const Limit& limit) { return budget.*limit.bound; });
  Budget before = budget;
  (before.*last->bound).reset();
  const std::vector<Measurement> candidates = rows_that_fit(rows, before);
  if (candidates.empty()) return nearest_miss(rows, before);
  const std::string where = before.empty() ? "" : " within " + before.text();
  const Measurement& row = cheapest(candidates, *last);
  if (!last->at_least) {
    return "the cheapest" + where + ", " + row.id + ", needs " + figure_text(row, *last, budget);
  }
  const Measurement& small = cheapest(rows, kLimits.front());
  return "the most accurate" + where + ", " + row.id + ", reaches " +
         figure_text(row, *last, budget) + "; the cheapest, " + small.id + ", reaches " +
         figure_text(small, *last, budget);
}

// The order of choose(): every later rule only breaks ties of the earlier ones.
bool better(const Measurement& a, const Measurement& b) {
  if (a.accuracy != b.accuracy) return a.accuracy > b.accuracy;
  if (a.cost.macs != b.cost.macs) return a.cost.macs < b.cost.macs;
  if (a.latency_median != b.latency_median) return a.latency_median < b.latency_median;
  return a.subnet < b.subnet;
}

struct NamedAxis {
  CostAxis axis;
  const char* name;
  double (*figure)(const Measurement&);
};

constexpr std::array<NamedAxis, 5> kAxes = {{
    {CostAxis::macs, "macs", macs_of},
    {CostAxis::params, "params", params_of},
    {CostAxis::bytes, "bytes", bytes_of},
    {CostAxis::memory, "memory", memory_of},
    {CostAxis::latency, "latency", latency_of},
}};

void put(std::string& text, const char* key, const std::string& value) {
  text += std::string(key) + " = " + value + "\n";
}

}  // namespace

bool Budget::empty() const {
  return std::none_of(kLimits.begin(), kLimits.end(),
                      [this](const Limit& limit) { return (this->*limit.bound).has_value(); });
}

std::string Budget::text() const {
  std::vector<std::string> parts;
  for (const Limit& limit : kLimits) {
    const std::optional<double>& bound = this->*limit.bound;
    if (bound) parts.push_back(std::string(limit.name) + "=" + bound_text(*bound, limit.unit));
  }
  return join(parts, " ");
}

CostAxis parse_cost_axis(const std::string& text) {
  std::vector<std::string> names;
  for (const NamedAxis& known : kAxes) {
    if (text == known.name) return known.axis;
    names.emplace_back(known.name);
  }
  throw UsageError(unknown_message("cost", text, names));
}

double cost_of(const Measurement& row, CostAxis axis) {
  return kAxes[static_cast<std::size_t>(axis)].figure(row);
}

bool fits(const Measurement& row, const Budget& budget) {
  return std::all_of(kLimits.begin(), kLimits.end(),
                     [&](const Limit& limit) { return holds(limit, row, budget); });
}

std::vector<Measurement> pareto_front(const std::vector<Measurement>& rows, CostAxis axis) {
  std::vector<Measurement> sorted;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(sorted), [&](const Measurement& row) {
    return !std::isnan(row.accuracy) && !std::isnan(cost_of(row, axis));
  });
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Measurement& a, const Measurement& b) {
    const double left = cost_of(a, axis);
    const double right = cost_of(b, axis);
    return left != right ? left < right : a.accuracy > b.accuracy;
  });
  std::vector<Measurement> front;
  for (Measurement& row : sorted) {
    if (front.empty() || row.accuracy > front.back().accuracy) front.push_back(std::move(row));
  }
  return front;
}

Measurement choose(const std::vector<Measurement>& rows, const Budget& budget) {
  std::vector<Measurement> measured;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(measured),
               [](const Measurement& row) { return !std::isnan(row.accuracy); });
  if (measured.empty()) throw NoChoiceError("no sub-model has a measured accuracy to choose by");
  const std::vector<Measurement> fitting = rows_that_fit(measured, budget);
  if (!fitting.empty()) return *std::min_element(fitting.begin(), fitting.end(), better);
  throw NoChoiceError("no sub-model fits " + budget.text() + ": " + nearest_miss(measured, budget));
}

std::string choice_text(const Measurement& choice, const Budget& budget,
                        const SweepSetting& setting, const std::string& run) {
  std::string text = "[choice]\n";
  put(text, "submodel", choice.id);
  put(text, "width", choice.subnet.width.text());
  put(text, "exit", std::to_string(choice.subnet.exit));
  put(text, "budget", budget.empty() ? "none" : budget.text());
  text += "\n[figures]\n";
  put(text, "accuracy", format_real(choice.accuracy));
  put(text, "loss", format_real(choice.loss));
  put(text, "macs", std::to_string(choice.cost.macs));
  put(text, "params", std::to_string(choice.cost.params));
  put(text, "bytes", std::to_string(choice.cost.bytes));
  put(text, "peak_activation_bytes", std::to_string(choice.cost.peak_activation_bytes));
  put(text, "latency_median_s", format_real(choice.latency_median));
  put(text, "latency_p95_s", format_real(choice.latency_p95));
  text += "\n[measured]\n";
  put(text, "run", run);
  put(text, "run_sha256", setting.run_sha256);
  put(text, "split", setting.split);
  put(text, "images", std::to_string(setting.images));
  put(text, "batch", std::to_string(setting.batch));
  put(text, "threads", std::to_string(setting.threads));
  put(text, "repetitions", std::to_string(setting.repetitions));
  put(text, "warm_up", std::to_string(setting.warm_up));
  put(text, "device", setting.device);
  put(text, "processor", setting.processor);
  return text;
}

}  // namespace concertina
