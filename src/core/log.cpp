#include "concertina/core/log.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina {
namespace {

struct NamedLevel {
  LogLevel level;
  const char* name;
  spdlog::level::level_enum spdlog_level;
};

constexpr std::array<NamedLevel, 6> kLevels = {{
    {LogLevel::trace, "trace", spdlog::level::trace},
    {LogLevel::debug, "debug", spdlog::level::debug},
    {LogLevel::info, "info", spdlog::level::info},
    {LogLevel::warn, "warn", spdlog::level::warn},
    {LogLevel::error, "error", spdlog::level::err},
    {LogLevel::off, "off", spdlog::level::off},
}};

constexpr const NamedLevel& kInfo = kLevels[2];
constexpr const NamedLevel& kWarn = kLevels[3];

// https://no-color.org: any text but the empty one in NO_COLOR turns colors off.
bool color_refused() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return (no_color != nullptr && *no_color != '\0') ||
         (term != nullptr && std::string_view(term) == "dumb");
}

std::unique_ptr<spdlog::logger> make_logger() {
  const auto mode = color_refused() ? spdlog::color_mode::never : spdlog::color_mode::automatic;
  auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(mode);
  auto made = std::make_unique<spdlog::logger>("concertina", std::move(sink));
  made->set_pattern("%^%l%$: %v");
  return made;
}

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> instance = make_logger();
  return *instance;
}

// The host's sink, behind a lock so that it may be replaced while other threads log.
class HostSink {
 public:
  void set(LogSink sink) {
    auto next = sink ? std::make_shared<const LogSink>(std::move(sink)) : nullptr;
    const std::lock_guard<std::mutex> lock(mutex_);
    sink_ = std::move(next);
  }
  std::shared_ptr<const LogSink> get() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return sink_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const LogSink> sink_;
};

HostSink& host_sink() {
  static HostSink instance;
  return instance;
}

void write_line(const NamedLevel& level, const std::string& message) {
  if (!logger().should_log(level.spdlog_level)) return;
  if (const auto sink = host_sink().get()) return (*sink)(level.level, message);
  logger().log(level.spdlog_level, message);
}

}  // namespace

void set_log_level(LogLevel level) {
  for (const NamedLevel& known : kLevels) {
    if (known.level == level) logger().set_level(known.spdlog_level);
  }
}

LogLevel parse_log_level(std::string_view text) {
  std::vector<std::string> names;
  for (const NamedLevel& known : kLevels) {
    if (text == known.name) return known.level;
    names.emplace_back(known.name);
  }
  throw UsageError(unknown_message("log level", text, names));
}

void set_log_sink(LogSink sink) { host_sink().set(std::move(sink)); }

void log_info(const std::string& message) { write_line(kInfo, message); }
void log_warn(const std::string& message) { write_line(kWarn, message); }

}  // namespace concertina
