// The faults a user can cause, each with its exit code. Every message is one line that says what,
// where (file, line, key, index), what was found and what is expected. Faults only a programmer can
// cause are assertions, not errors of these types.
#pragma once

#include <stdexcept>
#include <string>

namespace concertina {

// The program's exit codes (docs/cli.md). 128+n stands for "ended by signal n, state saved".
enum class ExitCode : int {
  done = 0,
  usage = 2,       // command line, recipe or option
  bad_data = 65,   // a dataset or a file of ours is damaged or of the wrong kind
  no_input = 66,   // a file, folder, net, recipe or dataset that is not there
  io = 74,         // reading or writing failed, disk full
  stopped = 75,    // stopped, try again: another process holds the run, or a step limit was met
  diverged = 76,   // a loss or gradient is NaN or infinite
  no_choice = 77,  // no sub-model meets the budget
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(ExitCode::usage, message) {}
};
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ExitCode::bad_data, message) {}
};
struct NoInputError : Error {
  explicit NoInputError(const std::string& message) : Error(ExitCode::no_input, message) {}
};
struct IoError : Error {
  explicit IoError(const std::string& message) : Error(ExitCode::io, message) {}
};
struct StoppedError : Error {
  explicit StoppedError(const std::string& message) : Error(ExitCode::stopped, message) {}
};
struct DivergedError : Error {
  explicit DivergedError(const std::string& message) : Error(ExitCode::diverged, message) {}
};
struct NoChoiceError : Error {
  explicit NoChoiceError(const std::string& message) : Error(ExitCode::no_choice, message) {}
};

}  // namespace concertina
