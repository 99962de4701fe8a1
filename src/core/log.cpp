#include "concertina/core/log.h"

#include <array>
#include <cstdlib>
#include <memory>
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

void log_info(const std::string& message) { logger().info(message); }
void log_warn(const std::string& message) { logger().warn(message); }

}  // namespace concertina
