// How strong alternatives are in each attribute that counts: 0 is the worst figure of all
// alternatives, 1 the best. Private to the room.
#pragma once

#include <limits>
#include <vector>

#include "concertina/select/preferences.h"

namespace concertina {

class StrengthScale {
 public:
  // 0 is the worst of `rows`, which have every figure that counts, 1 the best; where they are all
  // alike, of the statements' alternatives. An attribute in which these are alike too does not
  // count.
  StrengthScale(const Preferences& preferences, const std::vector<Attribute>& counting,
                const std::vector<Measurement>& rows);

  const std::vector<Attribute>& attributes() const { return attributes_; }
  // One number an attribute.
  std::vector<double> of(const Measurement& row) const;
  // Left minus right, of a statement in form.
  std::vector<double> gain(const Statement& statement) const;

 private:
  struct Span {
    double worst = std::numeric_limits<double>::infinity();
    double best = -std::numeric_limits<double>::infinity();
  };
  Span span(Attribute attribute, const std::vector<Figures>& all) const;
  double strength(std::size_t k, const Figures& figures) const;

  CostScale scale_;
  std::vector<Attribute> attributes_;
  std::vector<Span> spans_;
};

// Attributes that the preferences list or that hypothetical alternatives name, in their order.
// Throws UsageError when there is none, or no statement.
std::vector<Attribute> counting_attributes(const Preferences& preferences);

// True if it has every figure that counts.
bool is_measured(const Measurement& row, const std::vector<Attribute>& counting, CostScale scale);

// Calls visit(statement) for those of makers that are not as if absent.
template <typename Visit>
void each_statement(const Preferences& preferences, const Visit& visit) {
  for (const Maker& maker : preferences.makers) {
    if (maker.importance == 0) continue;
    for (const Statement& statement : maker.statements) visit(statement);
  }
}

// Throws UsageError with the statement's place and text.
[[noreturn]] void refuse(const Statement& statement, const std::string& what);

// Refuses one that lacks a figure of what counts.
void check_form(const Statement& statement, const std::vector<Attribute>& counting,
                CostScale scale);

}  // namespace concertina
