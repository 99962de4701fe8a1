// Sub-models to be compared, and short ways to say what is preferred.
#pragma once

#include <vector>

#include "concertina/select/preferences.h"

namespace concertina::support {

// Everything but the accuracy is as its MACs are.
inline Measurement row(int width, double accuracy, std::int64_t macs) {
  Measurement made;
  made.subnet = {Width::from_thousandths(width), 1};
  made.id = made.subnet.width.label();
  made.cost = {macs, 0, macs, macs, macs};
  made.latency_median = static_cast<double>(macs) / 1000;
  made.accuracy = accuracy;
  return made;
}

inline Alternative like(const Measurement& row) { return {figures_of(row), true}; }
inline Alternative like(double accuracy) {
  Alternative made;
  made.figures[static_cast<std::size_t>(Attribute::accuracy)] = accuracy;
  return made;
}
inline Alternative like(double accuracy, double macs) {
  Alternative made = like(accuracy);
  made.figures[static_cast<std::size_t>(Attribute::macs)] = macs;
  return made;
}

// sign: > or ~
inline Statement said(const Alternative& left, char sign, const Alternative& right) {
  return {left, right, sign == '~', std::string("a ") + sign + " b", "p.ini:1"};
}

inline Maker maker(std::vector<Statement> statements, double importance = 1) {
  return {"Ana", importance, std::move(statements)};
}

}  // namespace concertina::support
