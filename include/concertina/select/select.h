// Which sub-model fits a budget. Torch-free; reads measurements, trains and measures nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "concertina/spec/measurement.h"

namespace concertina {

// Every limit given must hold. Units: counts, bytes, seconds a batch, fraction.
struct Budget {
  std::optional<double> max_macs;
  std::optional<double> max_params;
  std::optional<double> max_bytes;
  std::optional<double> max_memory;    // peak activation bytes
  std::optional<double> max_latency;   // median, seconds
  std::optional<double> min_accuracy;  // fraction

  bool empty() const;
  std::string text() const;  // "max-macs=15M max-latency=4.00ms"
};

// The cost that accuracy is traded against on the Pareto front.
enum class CostAxis { macs, params, bytes, memory, latency };
CostAxis parse_cost_axis(const std::string& text);  // throws UsageError naming the nearest
double cost_of(const Measurement& row, CostAxis axis);

bool fits(const Measurement& row, const Budget& budget);

// Rows no other row beats (at least as accurate and as cheap, one of them strictly), cheapest
// first. Of rows that tie in both, the first stays. A row whose accuracy or cost is NaN is left
// out.
std::vector<Measurement> pareto_front(const std::vector<Measurement>& rows, CostAxis axis);

// The most accurate row that fits; on equal accuracy the fewest MACs, then the lower latency, then
// the smaller sub-model. So a looser budget never gives a less accurate choice.
// A row whose accuracy is NaN is never chosen. Throws NoChoiceError naming the budget, the cheapest
// sub-model (among those within the limits before the first that leaves none) and what it needs;
// for min_accuracy, the most accurate and the cheapest and what they reach.
Measurement choose(const std::vector<Measurement>& rows, const Budget& budget);

// choice.ini: the sub-model, the budget, its figures and the run they came from.
std::string choice_text(const Measurement& choice, const Budget& budget,
                        const SweepSetting& setting, const std::string& run);

}  // namespace concertina
