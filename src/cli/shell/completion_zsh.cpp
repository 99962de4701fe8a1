// The completion of zsh: what its own _arguments wants to know of every command.
#include "concertina/core/text.h"

#include "shell/completion.h"

namespace concertina::cli {
namespace {

constexpr const char* kHead = R"(#compdef concertina
# The completion of concertina for zsh, as `concertina completion zsh` prints it.

_concertina_words_or_files() { compadd -- "$@"; _files }
_concertina_words_or_paths() { if compset -P '*:'; then _files; else compadd -- "$@"; fi }
)";

// Run by zsh when it first needs the file, or read with `source`.
constexpr const char* kTail = R"(
if [[ $funcstack[1] == _concertina ]]; then
  _concertina "$@"
else
  compdef _concertina concertina
fi
)";

std::string escaped(const std::string& text, const std::string& special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string action(const Offer& offer) {
  const std::string words = join(offer.words, " ");
  if (words.empty()) return offer.files ? "_files" : " ";
  if (offer.files) return "{_concertina_words_or_files " + words + "}";
  if (offer.path_behind) return "{_concertina_words_or_paths " + words + "}";
  return "(" + words + ")";
}

// `before` is the positional in front of this one.
std::string place_action(const Option& option, const Option* before) {
  if (before == nullptr || before->choices.empty()) return action(offer_for(option));
  std::string text = "{case $words[2] in";
  for (const std::string& word : before->choices) {
    const Offer offer = offer_for(option, word);
    if (offer.words.empty()) continue;
    text += " (" + word + ") " + (offer.files ? "_concertina_words_or_files " : "compadd -- ") +
            join(offer.words, " ") + " ;;";
  }
  return text + " esac}";
}

std::string option_spec(const Option& option) {
  std::string spec = option.kind == OptionKind::list ? "*--" : "--";
  spec += option.name;
  if (option.kind != OptionKind::flag) spec += "=";
  spec += "[" + escaped(meaning(option), "\\[]:") + "]";
  if (option.kind == OptionKind::flag) return spec;
  return spec + ":" + escaped(option.value, "\\:") + ":" + action(offer_for(option));
}

std::string arguments(const Command& command) {
  std::string text = "    (" + quoted(command.name) + ")\n      _arguments";
  const auto add = [&](const std::string& spec) { text += " \\\n        " + quoted(spec); };
  const Option* before = nullptr;
  for (const Option& option : command.options) {
    if (option.kind != OptionKind::positional) {
      add(option_spec(option));
      continue;
    }
    add(":" + escaped(option.name, "\\:") + ":" + place_action(option, before));
    before = &option;
  }
  add("(- *)--help[this text]");
  return text + " ;;\n";
}

// A word of a command and what it is for; of the first of two words, which may come second.
std::string described(const std::vector<Command>& commands, const std::string& first) {
  std::string text;
  for (const std::string& word : next_words(commands, first)) {
    std::string meaning = join(next_words(commands, word), ", ");
    for (const Command& command : commands) {
      if (command.name == first + (first.empty() ? "" : " ") + word) meaning = command.summary;
    }
    text += " " + quoted(word + ":" + escaped(meaning, "\\:"));
  }
  return text;
}

}  // namespace

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string text = std::string(kHead) + "\n_concertina_arguments() {\n  case $1 in\n";
  for (const Command& command : commands) text += arguments(command);
  text += "  esac\n}\n\n_concertina() {\n  local -a next=(" + described(commands, "") + ")\n" +
          "  if (( CURRENT == 2 )); then\n" +
          "    _describe command next -- '(--help:\"this text\" --version:\"the version\")'\n" +
          "    return\n  fi\n" +
          "  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const std::string& word : next_words(commands, "")) {
    if (next_words(commands, word).empty()) continue;
    text += "    (" + word + ")\n      next=(" + described(commands, word) + ")\n" +
            "      if (( CURRENT == 2 )); then\n        _describe command next\n" +
            "        return\n      fi\n" +
            "      command+=\" $words[2]\"\n      shift words\n      (( CURRENT-- )) ;;\n";
  }
  return text + "  esac\n  _concertina_arguments $command\n}\n" + kTail;
}

}  // namespace concertina::cli
