// Text: splitting, strict numbers, units (300M, 4ms, 64MiB, 85%), and the nearest known word for an
// error message. Not for: files (core/file.h), tables (cli).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace concertina {

std::string_view trim(std::string_view text);
// BumpAllocator between separators, each trimmed; empty pieces are kept. split("a,,b", ',') has 3.
std::vector<std::string> split(std::string_view text, char separator);
// Words between white space; no empty ones.
std::vector<std::string> words(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// Whole-text conversions: nullopt when anything is left over, on overflow, NaN or infinity.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_real(std::string_view text);

enum class Unit { count, bytes, seconds, fraction };
// count: 300M, 1.5G, 12k (powers of 1000); bytes: 64MiB, 1.5GiB, 300kB, plain bytes;
// seconds: 4ms, 250us, 1.5s, 2min (a number without a unit is refused); fraction: 85% or 0.85.
// Throws UsageError naming `what` (an option or key), the text found and an example.
double parse_quantity(std::string_view text, Unit unit, std::string_view what);

// 12345678 -> "12.3M"; 1536 -> "1.5KiB"; 0.0042 -> "4.20ms"; 0.853 -> "85.30%".
std::string format_quantity(double value, Unit unit);
// The shortest decimal text that reads back to the same double ("0.1", "1e-04" is never used).
std::string format_real(double value);
// Fixed number of decimals.
std::string format_fixed(double value, int decimals);

// The known word with the least edit distance, or "" when none is near enough to be a likely slip.
std::string nearest(std::string_view word, const std::vector<std::string>& known);
// `unknown net "x"; did you mean "y"? known: a b c` (the hint only when there is one).
std::string unknown_message(std::string_view kind, std::string_view word,
                            const std::vector<std::string>& known);

}  // namespace concertina
