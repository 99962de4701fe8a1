// Width and Subnet: which part of a flexible network. Exact, so that they can be compared and used
// as keys; never a floating-point number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace concertina {

// A share of every elastic channel count, in thousandths: 0.001 to 1.
class Width {
 public:
  Width() = default;  // the full width
  // Throws UsageError unless 1 <= thousandths <= 1000.
  static Width from_thousandths(int thousandths);
  // "0.25", ".5", "1"; at most three decimals. Throws UsageError naming what was found.
  static Width parse(std::string_view text);

  int thousandths() const { return thousandths_; }
  double value() const { return thousandths_ / 1000.0; }
  bool is_full() const { return thousandths_ == 1000; }
  std::string text() const;   // "0.25", "1" - what parse reads
  std::string label() const;  // "w0.250"

  friend bool operator==(Width a, Width b) { return a.thousandths_ == b.thousandths_; }
  friend bool operator!=(Width a, Width b) { return !(a == b); }
  friend bool operator<(Width a, Width b) { return a.thousandths_ < b.thousandths_; }
  friend bool operator>(Width a, Width b) { return b < a; }

 private:
  int thousandths_ = 1000;
};

// Widths with commas or spaces between them, in ascending order; "0.25:1:0.025" stands for those
// from 0.25 to 1 in steps of 0.025. Throws UsageError naming the part that is none.
std::vector<Width> parse_widths(std::string_view text);

// One sub-model: a width, and the exit it answers at (1 is the first). Orders by width, then exit.
struct Subnet {
  Width width;
  int exit = 1;

  friend bool operator==(const Subnet& a, const Subnet& b) {
    return a.width == b.width && a.exit == b.exit;
  }
  friend bool operator!=(const Subnet& a, const Subnet& b) { return !(a == b); }
  friend bool operator<(const Subnet& a, const Subnet& b) {
    return a.width != b.width ? a.width < b.width : a.exit < b.exit;
  }
};

}  // namespace concertina
