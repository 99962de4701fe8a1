// Width and Subnet: which part of a flexible network. Exact, so that they can be compared and used
// as keys; never a floating-point number.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace concertina {

// A share of every elastic channel count, in thousandths: 0.001 to 1. One for the whole net, or one
// a stage (Layer::stage); the last then counts for the stages that follow. And the bits of its
// weights and maps: 1 to kMostBits, or kFullBits, float32 (docs/methods.md, Switchable precision).
class Width {
 public:
  static constexpr int kMaxStages = 24;
  static constexpr int kMostBits = 8;
  static constexpr int kFullBits = 32;

  Width() { thousandths_.fill(1000); }  // the full width, in float32
  // Throws UsageError unless 1 <= thousandths <= 1000.
  static Width from_thousandths(int thousandths);
  // Throws UsageError as well when there are none or more than kMaxStages.
  static Width per_stage(const std::vector<int>& thousandths);
  // "0.25", ".5", "1"; at most three decimals; stages with commas or dashes between them:
  // "0.5,0.75,1"; fewer bits behind them: "0.5@4". Throws UsageError naming what was found.
  static Width parse(std::string_view text);
  // Reads what label() writes, likewise.
  static Width parse_label(std::string_view label);

  // These fractions in `bits`. Throws UsageError unless 1 <= bits <= kMostBits or kFullBits.
  Width with_bits(int bits) const;

  int bits() const { return bits_; }
  bool is_quantized() const { return bits_ != kFullBits; }
  int thousandths(int stage = 0) const { return thousandths_[place(stage)]; }
  double value(int stage = 0) const { return thousandths(stage) / 1000.0; }
  int stages()
      const;  // up to the last that differs from the one before it; 1 = the same everywhere
  bool is_uniform() const { return stages() == 1; }
  bool is_full() const { return *this == Width(); }
  std::string text() const;   // "0.25", "0.5-0.75-1", "1@4" - what parse reads
  std::string label() const;  // "w0.250", "w0.500-0.750-1.000", "w1.000@4"

  friend bool operator==(Width a, Width b) {
    return a.thousandths_ == b.thousandths_ && a.bits_ == b.bits_;
  }
  friend bool operator!=(Width a, Width b) { return !(a == b); }
  // By the first stage that differs, then by bits.
  friend bool operator<(Width a, Width b) {
    return a.thousandths_ != b.thousandths_ ? a.thousandths_ < b.thousandths_ : a.bits_ < b.bits_;
  }
  friend bool operator>(Width a, Width b) { return b < a; }

 private:
  static std::size_t place(int stage) {
    return static_cast<std::size_t>(stage < kMaxStages ? stage : kMaxStages - 1);
  }

  std::array<std::int16_t, kMaxStages> thousandths_;
  std::int16_t bits_ = kFullBits;
};

// Widths with commas or spaces between them, in ascending order; "0.25:1:0.025" stands for those
// from 0.25 to 1 in steps of 0.025, all in float32, "0.5-0.75-1" for one with a share a stage.
// Throws UsageError naming the part that is none.
std::vector<Width> parse_widths(std::string_view text);
std::string widths_text(const std::vector<Width>& widths);  // "0.25 0.5-0.75-1 1@4 1"
bool any_quantized(const std::vector<Width>& widths);

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
