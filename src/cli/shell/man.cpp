// concertina man: the manual page in the man(7) macros, from the tables that --help prints.
#include <iostream>

#include "concertina/core/text.h"
#include "concertina/core/version.h"

#include "commands/commands.h"

namespace concertina::cli {
namespace {

struct Row {
  const char* name;
  const char* meaning;
};

// As in docs/cli.md.
constexpr Row kExitCodes[] = {
    {"0", "done"},
    {"2", "the command line, a recipe, a file of preferences or an option is wrong"},
    {"65",
     "a data set, a file of ours or a state dict is damaged, of the wrong kind, or does not fit"},
    {"66", "a file, folder, run, network or recipe is not there"},
    {"70", "a fault of the program itself; please report it"},
    {"71", "not enough memory; a smaller --batch needs less"},
    {"74", "reading or writing failed, or the disk is full"},
    {"75", "stopped, and can be continued: another process holds the run, or --max-steps was met"},
    {"76", "the training diverged: a loss or gradient is NaN or infinite"},
    {"77", "no sub-model fits the budget"},
    {"130, 143",
     "SIGINT or SIGTERM came. train, resume, compare, sweep and search save their state first; a "
     "second signal leaves at once, without saving"}};

constexpr Row kEnvironment[] = {
    {"CONCERTINA_SCHEDULES", "the folder of the recipes that --recipe can name"},
    {"NO_COLOR", "when set, nothing is colored"},
    {"TERM", "when it is dumb, progress is plain lines instead of a bar"}};

std::string roff(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
  }
  // At the start of a line these begin a request.
  const bool request = !text.empty() && (text[0] == '.' || text[0] == '\'');
  return request ? "\\&" + result : result;
}

std::string item(const std::string& tag, const std::string& meaning) {
  return ".TP\n" + tag + "\n" + roff(meaning) + "\n";
}

template <typename Rows>
std::string items(const Rows& rows) {
  std::string text;
  for (const Row& row : rows) text += item("\\fB" + roff(row.name) + "\\fR", row.meaning);
  return text;
}

std::string example(const std::vector<std::string>& lines) {
  std::string text = ".nf\n.RS\n";
  for (const std::string& line : lines) text += roff(line) + "\n";
  return text + ".RE\n.fi\n";
}

std::string option_item(const Option& option) {
  if (option.kind == OptionKind::positional) {
    return item("\\fI" + roff(option.name) + "\\fR", meaning(option));
  }
  std::string tag = "\\fB" + roff("--" + option.name) + "\\fR";
  if (!option.value.empty()) tag += " \\fI" + roff(option.value) + "\\fR";
  return item(tag, meaning(option));
}

std::string section(const Command& command) {
  std::string text = ".SS concertina " + roff(command.name) + "\n" + roff(command.summary) +
                     "\n.PP\n.B " + roff(usage(command)) + "\n";
  for (const Option& option : command.options) text += option_item(option);
  return text + ".PP\n" + example(command.examples);
}

int run(const Options&) {
  std::cout << man_page();
  return 0;
}

}  // namespace

std::string man_page() {
  std::string text =
      ".TH CONCERTINA 1 \"\" \"concertina " + version() +
      "\" \"User Commands\"\n.SH NAME\nconcertina \\- " + roff(kProgramSummary) +
      "\n.SH SYNOPSIS\n.B concertina\n.I COMMAND\n.RI [ options ]\n.PP\n"
      ".B concertina\n.RB { \\-\\-help | \\-\\-version }\n"
      ".SH DESCRIPTION\n"
      "The result goes to standard output, as a table or with\n.B \\-\\-json\n"
      "as JSON; log and progress go to standard error.\n"
      "Every command also has\n.BR \\-\\-help ,\nwhich prints its part of this page.\n"
      ".SH COMMANDS\n";
  for (const Command& command : commands()) text += section(command);
  text += ".SH EXIT STATUS\n" + items(kExitCodes) + ".SH ENVIRONMENT\n" + items(kEnvironment);
  return text + ".SH EXAMPLES\n" + example(kProgramExample);
}

Command man_command() {
  return {"man", "the manual page of this program", {}, {"concertina man | man -l -"}, &run};
}

}  // namespace concertina::cli
