#include "strengths.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "concertina/core/error.h"

namespace concertina {
namespace {

struct Column {
  const char* name;
  Unit unit;
};

constexpr std::array<Column, kAttributes> kColumns = {{{"accuracy", Unit::fraction},
                                                       {"macs", Unit::count},
                                                       {"params", Unit::count},
                                                       {"bytes", Unit::bytes},
                                                       {"memory", Unit::bytes},
                                                       {"latency", Unit::seconds}}};

const Column& column(Attribute attribute) { return kColumns[static_cast<std::size_t>(attribute)]; }

double figure_of(const Figures& figures, Attribute attribute) {
  return figures[static_cast<std::size_t>(attribute)];
}

// The quantity that strength is linear in; more is better. Not finite where there is none.
double merit(Attribute attribute, double figure, CostScale scale) {
  if (attribute == Attribute::accuracy) return figure;
  return -(scale == CostScale::log ? std::log(figure) : figure);
}

}  // namespace

void refuse(const Statement& statement, const std::string& what) {
  throw UsageError(statement.place + ": \"" + statement.text + "\": " + what);
}

const char* attribute_name(Attribute attribute) { return column(attribute).name; }
Unit attribute_unit(Attribute attribute) { return column(attribute).unit; }

Attribute parse_attribute(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < kAttributes; ++k) {
    if (text == kColumns[k].name) return static_cast<Attribute>(k);
    names.emplace_back(kColumns[k].name);
  }
  throw UsageError(unknown_message("attribute", text, names));
}

Figures figures_of(const Measurement& row) {
  return {row.accuracy,
          cost_of(row, CostAxis::macs),
          cost_of(row, CostAxis::params),
          cost_of(row, CostAxis::bytes),
          cost_of(row, CostAxis::memory),
          cost_of(row, CostAxis::latency)};
}

Figures no_figures() {
  Figures figures;
  figures.fill(std::numeric_limits<double>::quiet_NaN());
  return figures;
}

std::vector<Attribute> counting_attributes(const Preferences& preferences) {
  std::array<bool, kAttributes> counts{};
  for (const Attribute attribute : preferences.attributes) {
    counts[static_cast<std::size_t>(attribute)] = true;
  }
  const Statement* first = nullptr;
  each_statement(preferences, [&](const Statement& statement) {
    if (first == nullptr) first = &statement;
    for (const Alternative* side : {&statement.left, &statement.right}) {
      for (std::size_t k = 0; k < kAttributes && !side->submodel; ++k) {
        counts[k] = counts[k] || !std::isnan(side->figures[k]);
      }
    }
  });
  if (first == nullptr) {
    throw UsageError("no maker of an importance above 0 says anything; expected a statement");
  }
  std::vector<Attribute> counting;
  for (std::size_t k = 0; k < kAttributes; ++k) {
    if (counts[k]) counting.push_back(static_cast<Attribute>(k));
  }
  if (!counting.empty()) return counting;
  refuse(*first,
         "only sub-models are compared; expected the attributes that count as well, such as"
         " \"attributes = accuracy macs\"");
}

void check_form(const Statement& statement, const std::vector<Attribute>& counting,
                CostScale scale) {
  const Alternative &left = statement.left, &right = statement.right;
  for (const Attribute attribute : counting) {
    const std::string name = attribute_name(attribute);
    int without = 0;
    for (const Alternative* side : {&left, &right}) {
      const double figure = figure_of(side->figures, attribute);
      without += std::isnan(figure);
      if (std::isnan(figure) && side->submodel) {
        refuse(statement, "a sub-model's " + name + " was not measured; expected one that was");
      }
      if (std::isinf(merit(attribute, figure, scale))) {
        refuse(statement, name + " is 0; expected more than 0 on a logarithmic scale");
      }
    }
    if (without == 1 && !left.submodel && !right.submodel) {
      refuse(statement, name + " stands on one side only; expected on both, or on neither");
    }
  }
}

bool is_measured(const Measurement& row, const std::vector<Attribute>& counting, CostScale scale) {
  const Figures figures = figures_of(row);
  return std::all_of(counting.begin(), counting.end(), [&](Attribute attribute) {
    return std::isfinite(merit(attribute, figure_of(figures, attribute), scale));
  });
}

StrengthScale::StrengthScale(const Preferences& preferences, const std::vector<Attribute>& counting,
                             const std::vector<Measurement>& rows)
    : scale_(preferences.scale) {
  std::vector<Figures> measured, stated;
  for (const Measurement& row : rows) measured.push_back(figures_of(row));
  each_statement(preferences, [&](const Statement& statement) {
    stated.push_back(statement.left.figures);
    stated.push_back(statement.right.figures);
  });
  for (const Attribute attribute : counting) {
    const Span found = span(attribute, measured);
    const Span used = found.worst < found.best ? found : span(attribute, stated);
    if (!(used.worst < used.best)) continue;
    attributes_.push_back(attribute);
    spans_.push_back(used);
  }
}

StrengthScale::Span StrengthScale::span(Attribute attribute,
                                        const std::vector<Figures>& all) const {
  Span span;
  for (const Figures& figures : all) {
    const double value = merit(attribute, figure_of(figures, attribute), scale_);
    if (std::isnan(value)) continue;
    span.worst = std::min(span.worst, value);
    span.best = std::max(span.best, value);
  }
  return span;
}

double StrengthScale::strength(std::size_t k, const Figures& figures) const {
  const Attribute attribute = attributes_[k];
  return (merit(attribute, figure_of(figures, attribute), scale_) - spans_[k].worst) /
         (spans_[k].best - spans_[k].worst);
}

std::vector<double> StrengthScale::of(const Measurement& row) const {
  const Figures figures = figures_of(row);
  std::vector<double> strengths;
  for (std::size_t k = 0; k < attributes_.size(); ++k) strengths.push_back(strength(k, figures));
  return strengths;
}

std::vector<double> StrengthScale::gain(const Statement& statement) const {
  std::vector<double> gains;
  for (std::size_t k = 0; k < attributes_.size(); ++k) {
    const double gain = strength(k, statement.left.figures) - strength(k, statement.right.figures);
    gains.push_back(std::isnan(gain) ? 0 : gain);  // left out: the same in both
  }
  return gains;
}

}  // namespace concertina
