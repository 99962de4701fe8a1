// The commands, their dispatch, and the one place where an error becomes a message and an exit
// code.
#include <algorithm>
#include <exception>
#include <iostream>
#include <new>

#include <c10/util/Exception.h>

#include "concertina/core/error.h"
#include "concertina/core/text.h"
#include "concertina/core/version.h"

#include "commands/commands.h"
#include "exit_code.h"

namespace concertina::cli {
namespace {

std::string program_help() {
  std::string text = "concertina " + version() + ": " + wrapped(kProgramSummary, 20, 2) +
                     "\n\nUsage: concertina COMMAND [options]\n\nCommands:\n";
  for (const Command& command : commands()) {
    const std::string name = "  " + command.name + std::string(15 - command.name.size(), ' ');
    text += name + wrapped(command.summary, name.size(), name.size()) + "\n";
  }
  text +=
      "\n  --help, -h  this text; `concertina COMMAND --help` says more of a command\n"
      "  --version   the version\n\n"
      "Example:\n";
  for (const std::string& line : kProgramExample) text += "  " + line + "\n";
  return text;
}

// The command that the arguments begin with; some have names of two words.
const Command& find_command(const std::vector<std::string>& arguments) {
  const std::string& first = arguments.front();
  const std::string second = arguments.size() > 1 ? arguments[1] : "";
  std::vector<std::string> known, of_two;
  for (const Command& command : commands()) {
    const std::vector<std::string> name = words(command.name);
    known.push_back(command.name);
    if (name[0] != first) continue;
    if (name.size() == 1 || name[1] == second) return command;
    of_two.push_back(name[1]);
  }
  const std::string see = " (see `concertina --help`)";
  if (of_two.empty()) throw UsageError(unknown_message("command", first, known) + see);
  if (second.empty() || second[0] == '-') {
    throw UsageError("concertina " + first + " needs " + join(of_two, "|") + see);
  }
  throw UsageError(unknown_message(first + " command", second, of_two) + see);
}

int dispatch(const std::vector<std::string>& arguments) {
  if (arguments.empty()) {
    std::cerr << program_help();
    return static_cast<int>(ExitCode::usage);
  }
  const std::string& name = arguments.front();
  if (name == "--help" || name == "-h" || name == "help") {
    std::cout << program_help();
    return 0;
  }
  if (name == "--version") {
    std::cout << "concertina " << version() << "\n";
    return 0;
  }
  const Command& command = find_command(arguments);
  const auto words_of_name = static_cast<std::ptrdiff_t>(words(command.name).size());
  const Options options(command, {arguments.begin() + words_of_name, arguments.end()});
  if (!options.wants_help()) return command.run(options);
  std::cout << help_text(command);
  return 0;
}

// A message may quote what a user or a file gave; it stays one line and moves no cursor.
int report(std::string message, ExitCode code) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::replace_if(message.begin(), message.end(), control, '?');
  std::cerr << "concertina: " << message << std::endl;
  return static_cast<int>(code);
}

// LibTorch's messages have a second line and more: where in its own source.
int report_internal(const std::string& message) {
  return report("internal error: " + message.substr(0, message.find('\n')), ExitCode::internal);
}

int report_no_memory() {
  return report("not enough memory; a smaller --batch needs less", ExitCode::no_memory);
}

// LibTorch has no type of its own for it that 1.13 and 2.x share.
bool says_no_memory(const std::string& message) {
  const std::vector<std::string> phrases = {"can't allocate memory", "not enough memory",
                                            "out of memory", "ALLOC_FAILED"};
  return std::any_of(phrases.begin(), phrases.end(), [&](const std::string& phrase) {
    return message.find(phrase) != std::string::npos;
  });
}

int run_and_flush(const std::vector<std::string>& arguments) {
  const int code = dispatch(arguments);
  if (!std::cout.flush()) throw IoError("standard output: cannot be written");
  return code;
}

}  // namespace

const char* const kProgramSummary =
    "trains every width and exit of one network at once, and picks the size that fits";
const std::vector<std::string> kProgramExample = {
    "concertina train --net slimmable-mobilenet-v1 --recipe quick \\",
    "    --data shapes --out runs/first", "concertina sweep runs/first",
    "concertina select runs/first --max-macs 2M"};

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      train_command(),  resume_command(),        compare_command(),    import_command(),
      eval_command(),   calibrate_command(),     sweep_command(),      search_command(),
      select_command(), export_command(),        inspect_command(),    list_command(),
      show_command(),   bench_latency_command(), bench_step_command(), completion_command(),
      man_command()};
  return all;
}

int run_program(const std::vector<std::string>& arguments) {
  try {
    return run_and_flush(arguments);
  } catch (const Error& error) {
    return report(error.what(), exit_code(error.kind()));
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    return says_no_memory(message) ? report_no_memory() : report_internal(message);
  } catch (const std::bad_alloc&) {
    return report_no_memory();
  } catch (const std::exception& error) {
    return report_internal(error.what());
  }
}

}  // namespace concertina::cli
