// concertina completion
#include "shell/completion.h"

#include <algorithm>
#include <iostream>

#include "concertina/core/text.h"

#include "commands/commands.h"
#include "shell/catalogs.h"

namespace concertina::cli {
namespace {

std::vector<std::string> names(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  for (const Entry& entry : entries) result.push_back(entry.name);
  return result;
}

bool is_path(const Option& option) {
  return option.value.find("FILE") != std::string::npos || option.value == "RUN" ||
         option.value == "FOLDER";
}

int run(const Options& options) {
  const bool bash = options.needed("SHELL") == "bash";
  std::cout << (bash ? bash_completion(commands()) : zsh_completion(commands()));
  return 0;
}

}  // namespace

Offer offer_for(const Option& option, const std::string& before) {
  if (!option.choices.empty()) return {option.choices, false, false};
  const std::string& what = option.name == "NAME" ? before : option.name;
  if (what == "net") return {names(nets()), false, false};
  if (what == "recipe" || what == "recipes") return {names(recipes()), true, false};
  if (what == "data") return {names(data_sets()), false, true};
  return {{}, is_path(option), false};
}

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::vector<std::string> next_words(const std::vector<Command>& commands,
                                    const std::string& first) {
  std::vector<std::string> result;
  for (const Command& command : commands) {
    const std::vector<std::string> name = words(command.name);
    if (!first.empty() && (name.size() == 1 || name[0] != first)) continue;
    const std::string& word = first.empty() ? name[0] : name[1];
    if (std::find(result.begin(), result.end(), word) == result.end()) result.push_back(word);
  }
  return result;
}

Command completion_command() {
  return {
      "completion",
      "what makes a shell complete this program's commands, options and names",
      {positional("SHELL", "which shell it is for", {"bash", "zsh"})},
      {"concertina completion zsh > ~/.zfunc/_concertina", "source <(concertina completion bash)"},
      &run};
}

}  // namespace concertina::cli
