#include "convex_program.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

namespace concertina {
namespace {

// Below it an entry of the tableau is what rounding left of a zero.
constexpr double kZero = 1e-11;
// Programs whose rows leave no room inside lose more digits than doubles can spare.
using Row = std::vector<long double>;

// Lemke's method (Cottle, Pane and Stone, The Linear Complementarity Problem, 4.4) on the
// conditions of optimality: u = Qx - A'y + c and v = Ax - b, all of u, v, x, y >= 0, u'x = v'y = 0.
// As s = M z + q with s = (u, v) and z = (x, y); the tableau holds s - M z - cover = q. Ties are
// broken lexicographically by the columns of s, so no basis comes back and it ends.
class Tableau {
 public:
  explicit Tableau(const ConvexProgram& program)
      : size_(program.variables() + program.rows.size()),
        rows_(size_, Row(2 * size_ + 2, 0)),
        basis_(size_) {
    const std::size_t n = program.variables();
    for (std::size_t i = 0; i < size_; ++i) {
      Row& row = rows_[i];
      row[i] = 1;
      basis_[i] = i;
      row[cover()] = -1;
      row[right()] = i < n ? program.slope[i] : -program.bounds[i - n];
      for (std::size_t k = 0; k < n; ++k) {
        row[size_ + k] = i < n ? -program.curvature[i][k] : -program.rows[i - n][k];
      }
      for (std::size_t k = n; i < n && k < size_; ++k) {
        row[size_ + k] = program.rows[k - n][i];
      }
    }
  }

  // False when it ends on a ray.
  bool solve() {
    const std::size_t worst = most_negative();
    if (rows_[worst][right()] >= 0) return true;
    std::size_t entering = replace(worst, cover());
    for (std::size_t left = 1000 + 100 * size_; left > 0; --left) {
      const std::size_t row = leaving_row(entering);
      if (row == size_) return false;
      entering = replace(row, entering);
      if (entering == cover()) return true;
    }
    throw std::logic_error("a convex program of " + std::to_string(size_) + " rows does not end");
  }

  // s first, then z.
  std::vector<double> values() const {
    std::vector<double> values(2 * size_ + 1, 0.0);
    for (std::size_t i = 0; i < size_; ++i) {
      values[basis_[i]] = static_cast<double>(std::max(0.0L, rows_[i][right()]));
    }
    return values;
  }

 private:
  std::size_t cover() const { return 2 * size_; }
  std::size_t right() const { return 2 * size_ + 1; }

  // Among equal rows it takes the last, which is the lexicographically least.
  std::size_t most_negative() const {
    std::size_t worst = 0;
    for (std::size_t i = 1; i < size_; ++i) {
      if (rows_[i][right()] <= rows_[worst][right()]) worst = i;
    }
    return worst;
  }

  // The row that limits the entering variable first, or size_. The cover leaves as soon as it can.
  std::size_t leaving_row(std::size_t entering) const {
    std::size_t best = size_;
    for (std::size_t i = 0; i < size_; ++i) {
      if (rows_[i][entering] > kZero && (best == size_ || is_before(i, best, entering))) best = i;
    }
    return best;
  }

  bool is_before(std::size_t a, std::size_t b, std::size_t entering) const {
    const auto compare = [&](std::size_t column) {
      const long double one = rows_[a][column] / rows_[a][entering];
      const long double other = rows_[b][column] / rows_[b][entering];
      return std::abs(one - other) <= kZero * (1 + std::abs(one)) ? 0 : one < other ? -1 : 1;
    };
    if (const int sign = compare(right())) return sign < 0;
    if (basis_[a] == cover() || basis_[b] == cover()) return basis_[a] == cover();
    for (std::size_t column = 0; column < size_; ++column) {
      if (const int sign = compare(column)) return sign < 0;
    }
    return false;
  }

  // Pivots; gives the complement of what left, which enters next, or cover() when that left.
  std::size_t replace(std::size_t row, std::size_t entering) {
    Row& pivot = rows_[row];
    const long double scale = 1 / pivot[entering];
    for (long double& entry : pivot) entry *= scale;
    for (std::size_t i = 0; i < size_; ++i) {
      const long double factor = rows_[i][entering];
      if (i == row || factor == 0) continue;
      for (std::size_t k = 0; k < pivot.size(); ++k) rows_[i][k] -= factor * pivot[k];
      rows_[i][entering] = 0;
    }
    const std::size_t left = std::exchange(basis_[row], entering);
    return left == cover() ? left : left < size_ ? left + size_ : left - size_;
  }

  std::size_t size_;
  std::vector<Row> rows_;
  std::vector<std::size_t> basis_;
};

}  // namespace

std::optional<Optimum> minimize(const ConvexProgram& program) {
  Tableau tableau(program);
  if (!tableau.solve()) return std::nullopt;
  const std::vector<double> values = tableau.values();
  const auto part = [&](std::size_t from, std::size_t count) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(from);
    return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(count));
  };
  const std::size_t n = program.variables(), m = program.rows.size();
  return Optimum{part(n + m, n), part(0, n), part(2 * n + m, m)};
}

}  // namespace concertina
