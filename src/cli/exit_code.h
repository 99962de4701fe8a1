// The program's exit codes (docs/cli.md) and the kinds of errors that they stand for. An exit code
// of 128+n says that signal n ended the program after its state was saved.
#pragma once

#include "concertina/core/error.h"

namespace concertina::cli {

enum class ExitCode : int {
  done = 0,
  usage = 2,
  bad_data = 65,
  no_input = 66,
  internal = 70,  // a fault of the program, not of its input
  no_memory = 71,
  io = 74,
  stopped = 75,
  diverged = 76,
  no_choice = 77,
};

// Without a default, so that the compiler names a kind that has no exit code.
constexpr ExitCode exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return ExitCode::usage;
    case ErrorKind::bad_data:
      return ExitCode::bad_data;
    case ErrorKind::no_input:
      return ExitCode::no_input;
    case ErrorKind::io:
      return ExitCode::io;
    case ErrorKind::stopped:
      return ExitCode::stopped;
    case ErrorKind::diverged:
      return ExitCode::diverged;
    case ErrorKind::no_choice:
      return ExitCode::no_choice;
  }
  return ExitCode::internal;
}

}  // namespace concertina::cli
