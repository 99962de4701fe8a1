// Small dense convex quadratic programs, solved to rounding by Lemke's complementary pivoting, with
// linear ones as a special case. Private to the room. Not for: more than a few hundred rows.
#pragma once

#include <optional>
#include <vector>

namespace concertina {

// Least 1/2 x'Qx + c'x with every row . x >= its bound and x >= 0.
struct ConvexProgram {
  explicit ConvexProgram(std::size_t variables)
      : curvature(variables, std::vector<double>(variables, 0.0)), slope(variables, 0.0) {}

  std::size_t variables() const { return slope.size(); }
  void add(std::vector<double> row, double bound) {
    rows.push_back(std::move(row));
    bounds.push_back(bound);
  }

  std::vector<std::vector<double>> curvature;  // Q: symmetric, positive semidefinite
  std::vector<double> slope;                   // c
  std::vector<std::vector<double>> rows;       // of variables() numbers each
  std::vector<double> bounds;
};

struct Optimum {
  std::vector<double> x;
  std::vector<double> reduced;  // a variable: what the objective would grow by for each unit of it
  std::vector<double> prices;   // a row: what it would grow by for each unit of the bound
};

// Nothing when no x meets all rows. The objective must have a least value there.
std::optional<Optimum> minimize(const ConvexProgram& program);

}  // namespace concertina
