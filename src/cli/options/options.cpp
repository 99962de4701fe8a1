#include "options/options.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/value_semantic.hpp>

#include "concertina/core/error.h"
#include "concertina/core/text.h"

namespace concertina::cli {
namespace {

namespace po = boost::program_options;

constexpr const char* kSurplus = "surplus argument";

std::string written(const Option& option) {
  return option.kind == OptionKind::positional ? option.name : "--" + option.name;
}

po::options_description describe(const Command& command) {
  po::options_description description;
  description.add_options()("help,h", "");
  for (const Option& option : command.options) {
    if (option.kind == OptionKind::positional) continue;
    if (option.kind == OptionKind::flag) {
      description.add_options()(option.name.c_str(), "");
    } else {
      description.add_options()(option.name.c_str(), po::value<std::string>(), "");
    }
  }
  return description;
}

po::parsed_options parse(const Command& command, const std::vector<std::string>& arguments) {
  const po::options_description description = describe(command);
  po::positional_options_description places;
  for (const Option& option : command.options) {
    if (option.kind == OptionKind::positional) places.add(option.name.c_str(), 1);
  }
  places.add(kSurplus, -1);
  // Without guessing: an abbreviation that is clear today may not be so tomorrow.
  const int style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  return po::command_line_parser(arguments)
      .options(description)
      .positional(places)
      .style(style)
      .run();
}

std::string unknown_option(const Command& command, const std::string& name) {
  std::vector<std::string> known = {"--help"};
  for (const Option& option : command.options) {
    if (option.kind != OptionKind::positional) known.push_back(written(option));
  }
  const std::string near = nearest(name, known);
  return "unknown option \"" + name + "\"" +
         (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

void check_choice(const Option& option, const std::string& value) {
  if (option.choices.empty()) return;
  if (std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end()) {
    return;
  }
  throw UsageError(written(option) + ": " + unknown_message("value", value, option.choices));
}

void check_integer(const Option& option, const std::string& value) {
  const std::optional<std::int64_t> number = parse_integer(value);
  if (number && *number >= option.low && *number <= option.high) return;
  throw UsageError(written(option) + ": \"" + value + "\" is not a whole number from " +
                   std::to_string(option.low) + " to " + std::to_string(option.high));
}

void check_value(const Option& option, const std::string& value) {
  if (option.kind == OptionKind::integer) return check_integer(option, value);
  if (option.kind == OptionKind::flag) return;
  if (value.empty()) throw UsageError(written(option) + " is empty; expected " + option.value);
  check_choice(option, value);
}

}  // namespace

Option positional(std::string name, std::string help, std::vector<std::string> choices) {
  const std::string value = choices.empty() ? name : join(choices, "|");
  return {std::move(name),   OptionKind::positional, value, std::move(help), "", 0, 0,
          std::move(choices)};
}

Option text_option(std::string name, std::string value, std::string help, std::string fallback) {
  return {std::move(name),
          OptionKind::text,
          std::move(value),
          std::move(help),
          std::move(fallback),
          0,
          0,
          {}};
}

Option list_option(std::string name, std::string value, std::string help) {
  return {std::move(name), OptionKind::list, std::move(value), std::move(help), "", 0, 0, {}};
}

Option integer_option(std::string name, Range range, std::string help, std::string fallback) {
  return {std::move(name),     OptionKind::integer, "N",        std::move(help),
          std::move(fallback), range.low,           range.high, {}};
}

Option choice_option(std::string name, std::vector<std::string> choices, std::string help,
                     std::string fallback) {
  const std::string value = join(choices, "|");
  return {std::move(name),   OptionKind::choice, value, std::move(help), std::move(fallback), 0, 0,
          std::move(choices)};
}

Option flag_option(std::string name, std::string help) {
  return {std::move(name), OptionKind::flag, "", std::move(help), "", 0, 0, {}};
}

Options::Options(const Command& command, const std::vector<std::string>& arguments)
    : command_(command) {
  for (const Option& option : command.options) {
    given_.push_back({&option, {}, false});
    if (!option.fallback.empty()) given_.back().values = {option.fallback};
  }
  try {
    for (const auto& one : parse(command, arguments).options) take(one.string_key, one.value);
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();
    throw UsageError(unknown_option(command, name.substr(0, name.find('='))) + see_help());
  } catch (const po::error& error) {
    throw UsageError(error.what() + see_help());
  }
}

void Options::take(const std::string& name, const std::vector<std::string>& values) {
  if (name == "help") {
    help_ = true;
    return;
  }
  if (name == kSurplus) {
    throw UsageError("unexpected argument \"" + values.front() + "\"" + see_help());
  }
  Given& given = find(name);
  if (given.on_line && given.option->kind != OptionKind::list) {
    throw UsageError(written(*given.option) + " is given twice" + see_help());
  }
  if (!given.on_line) given.values.clear();
  given.on_line = true;
  for (const std::string& value : values) {
    check_value(*given.option, value);
    given.values.push_back(value);
  }
}

const Options::Given& Options::find(const std::string& name) const {
  for (const Given& given : given_) {
    if (given.option->name == name) return given;
  }
  throw std::logic_error("command " + command_.name + " has no option " + name);
}

Options::Given& Options::find(const std::string& name) {
  return const_cast<Given&>(std::as_const(*this).find(name));
}

bool Options::given(const std::string& name) const { return find(name).on_line; }

const std::string& Options::text(const std::string& name) const {
  static const std::string none;
  const std::vector<std::string>& values = find(name).values;
  return values.empty() ? none : values.front();
}

const std::string& Options::needed(const std::string& name) const {
  const Given& given = find(name);
  if (!given.values.empty()) return given.values.front();
  const std::string what = given.option->kind == OptionKind::positional
                               ? given.option->value
                               : written(*given.option) + " " + given.option->value;
  throw UsageError("concertina " + command_.name + " needs " + what + see_help());
}

const std::vector<std::string>& Options::list(const std::string& name) const {
  return find(name).values;
}

std::int64_t Options::integer(const std::string& name) const {
  const std::optional<std::int64_t> number = parse_integer(text(name));
  if (!number) throw std::logic_error("option " + name + " has no value");
  return *number;
}

std::string Options::see_help() const { return " (see `concertina " + command_.name + " --help`)"; }

}  // namespace concertina::cli
