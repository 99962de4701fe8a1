#include "concertina/core/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "concertina/core/error.h"

namespace concertina {
namespace {

std::string logged() {
  testing::internal::CaptureStderr();
  log_info("news {detail}");
  log_warn("odd 100% {}");
  return testing::internal::GetCapturedStderr();
}

// Standard error is a file here, so no color either; braces and percent signs stand as they are.
TEST(Log, WritesPlainLinesOfTheLevelAndAbove) {
  set_log_level(LogLevel::info);
  EXPECT_EQ(logged(), "info: news {detail}\nwarning: odd 100% {}\n");
  set_log_level(LogLevel::warn);
  EXPECT_EQ(logged(), "warning: odd 100% {}\n");
  set_log_level(LogLevel::error);
  EXPECT_EQ(logged(), "");
  set_log_level(LogLevel::off);
  EXPECT_EQ(logged(), "");
  set_log_level(LogLevel::info);
}

TEST(Log, GoesToTheHostsSinkAndLeavesStandardErrorEmpty) {
  std::vector<std::pair<LogLevel, std::string>> received;
  set_log_sink([&](LogLevel level, std::string_view message) {
    received.emplace_back(level, std::string(message));
  });
  EXPECT_EQ(logged(), "");
  const std::vector<std::pair<LogLevel, std::string>> expected = {{LogLevel::info, "news {detail}"},
                                                                  {LogLevel::warn, "odd 100% {}"}};
  EXPECT_EQ(received, expected);
  set_log_level(LogLevel::warn);
  EXPECT_EQ(logged(), "");
  EXPECT_EQ(received.size(), 3U) << "the level holds for the sink too";
  set_log_level(LogLevel::info);
  set_log_sink({});
  EXPECT_EQ(logged(), "info: news {detail}\nwarning: odd 100% {}\n");
  EXPECT_EQ(received.size(), 3U);
}

TEST(Log, SinkMayBeReplacedWhileAnotherThreadLogs) {
  std::atomic<int> lines{0};
  set_log_sink([&](LogLevel, std::string_view) { ++lines; });
  std::thread writer([] {
    for (int line = 0; line < 2000; ++line) log_info("line");
  });
  for (int k = 0; k < 200; ++k) set_log_sink([&](LogLevel, std::string_view) { ++lines; });
  writer.join();
  set_log_sink({});
  EXPECT_EQ(lines, 2000);
}

// Also run by the test below, alone in a process whose standard error is a terminal.
TEST(LogOnATerminal, TakesALine) { EXPECT_NO_THROW(log_warn("bad")); }

// What the test above writes to a terminal with `name`=`value` in the environment.
std::string on_terminal(const char* name, const char* value) {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) return "no terminal";
  const int slave = ::open(::ptsname(master), O_RDWR | O_NOCTTY);
  const pid_t child = ::fork();
  if (child == 0) {
    ::unsetenv("NO_COLOR");
    ::setenv("COLORTERM", "truecolor", 1);
    ::setenv("TERM", "xterm", 1);
    ::setenv(name, value, 1);
    ::dup2(slave, STDERR_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execl("/proc/self/exe", "core_test", "--gtest_filter=LogOnATerminal.TakesALine", nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  std::string text(4096, '\0');
  const ssize_t size = status == 0 ? ::read(master, text.data(), text.size()) : 0;
  ::close(slave);
  ::close(master);
  return text.substr(0, size > 0 ? static_cast<std::size_t>(size) : 0);
}

TEST(LogOnATerminal, IsColoredUnlessRefused) {
  const std::string colored = on_terminal("NO_COLOR", "");
  EXPECT_NE(colored.find("\033["), std::string::npos) << colored;
  EXPECT_NE(colored.find("warning"), std::string::npos) << colored;
  EXPECT_EQ(on_terminal("NO_COLOR", "1"), "warning: bad\r\n");
  EXPECT_EQ(on_terminal("TERM", "dumb"), "warning: bad\r\n");
}

TEST(LogLevel, IsReadFromItsName) {
  EXPECT_EQ(parse_log_level("trace"), LogLevel::trace);
  EXPECT_EQ(parse_log_level("debug"), LogLevel::debug);
  EXPECT_EQ(parse_log_level("info"), LogLevel::info);
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warn);
  EXPECT_EQ(parse_log_level("error"), LogLevel::error);
  EXPECT_EQ(parse_log_level("off"), LogLevel::off);
}

TEST(LogLevel, NamesTheNearestWhenUnknown) {
  try {
    parse_log_level("wran");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(),
                 "unknown log level \"wran\"; did you mean \"warn\"? known: trace debug info warn "
                 "error off");
    EXPECT_EQ(error.kind(), ErrorKind::usage);
  }
}

}  // namespace
}  // namespace concertina
