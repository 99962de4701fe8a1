// The faults a user can cause, each of a kind. Every message is one line that says what, where
// (file, line, key, index), what was found and what is expected. A call that breaks a function's
// precondition is the caller's fault, not the user's: it throws a ProgrammingError.
#pragma once

#include <stdexcept>
#include <string>

namespace concertina {

enum class ErrorKind {
  usage,      // an argument, a recipe or a setting
  bad_data,   // a dataset or a file of ours is damaged or of the wrong kind
  no_input,   // a file, folder, net, recipe or dataset that is not there
  io,         // reading or writing failed, disk full
  stopped,    // stopped, try again: another process holds the run, or a step limit was met
  diverged,   // a loss or gradient is NaN or infinite
  no_choice,  // no sub-model meets the budget
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

struct UsageError : Error {
  explicit UsageError(const std::string& message) : Error(ErrorKind::usage, message) {}
};
struct DataError : Error {
  explicit DataError(const std::string& message) : Error(ErrorKind::bad_data, message) {}
};
struct NoInputError : Error {
  explicit NoInputError(const std::string& message) : Error(ErrorKind::no_input, message) {}
};
struct IoError : Error {
  explicit IoError(const std::string& message) : Error(ErrorKind::io, message) {}
};
struct StoppedError : Error {
  explicit StoppedError(const std::string& message) : Error(ErrorKind::stopped, message) {}
};
struct DivergedError : Error {
  explicit DivergedError(const std::string& message) : Error(ErrorKind::diverged, message) {}
};
struct NoChoiceError : Error {
  explicit NoChoiceError(const std::string& message) : Error(ErrorKind::no_choice, message) {}
};

// A precondition of a public function does not hold. The message is one line: what was passed, what
// was found and what is expected.
struct ProgrammingError : std::invalid_argument {
  explicit ProgrammingError(const std::string& message) : std::invalid_argument(message) {}
};

}  // namespace concertina
