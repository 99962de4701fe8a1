// The log: lines on standard error, or wherever the host of the library wants them. Results never
// go here.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace concertina {

enum class LogLevel { trace, debug, info, warn, error, off };

void set_log_level(LogLevel level);
// trace|debug|info|warn|error|off; throws UsageError naming the nearest known one.
LogLevel parse_log_level(std::string_view text);

// Receives each line that the level lets through, without a line break and without the level's
// name.
using LogSink = std::function<void(LogLevel level, std::string_view message)>;
// Sends the log to `sink` instead of standard error, and back when `sink` is empty. Any thread may
// log while another one calls this: a line goes to the sink that was set when it was written. The
// sink itself may be called from several threads at a time.
void set_log_sink(LogSink sink);

void log_info(const std::string& message);
void log_warn(const std::string& message);

}  // namespace concertina
