// The log: lines on standard error, behind which a library does the work. Results never go here.
#pragma once

#include <string>
#include <string_view>

namespace concertina {

enum class LogLevel { trace, debug, info, warn, error, off };

void set_log_level(LogLevel level);
// trace|debug|info|warn|error|off; throws UsageError naming the nearest known one.
LogLevel parse_log_level(std::string_view text);

void log_info(const std::string& message);
void log_warn(const std::string& message);

}  // namespace concertina
