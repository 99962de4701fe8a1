// The completion of bash: one table of what may follow what, and a function that walks the line.
#include "concertina/core/text.h"

#include "shell/completion.h"

namespace concertina::cli {
namespace {

// bash has split the line at = and : too, which is how it lets a part of a word be completed.
constexpr const char* kWalk = R"(
_concertina() {
  local current=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD - 1]}
  local reply='' words='' command='' option='' word
  local -i n
  for ((n = 1; n < COMP_CWORD; n++)); do
    word=${COMP_WORDS[n]}
    if [[ $word == [=:] || ${COMP_WORDS[n - 1]} == : ]]; then
      continue
    elif [[ $word == -* ]]; then
      option=
      if _concertina_offers "$command $word"; then option=$word; fi
    elif [[ -n $option ]]; then
      option=
    else
      words+=${words:+ }$word
      if [[ -z $command ]] && _concertina_offers "$words -"; then command=$words; fi
    fi
  done
  if [[ $current == : || $last == : ]]; then
    reply=+files
  elif [[ -n $option ]]; then
    _concertina_offers "$command $option"
  elif [[ $current == -* ]]; then
    _concertina_offers "$command -" || reply=
  else
    _concertina_offers "$words" || _concertina_offers "$command -" || reply=
  fi
  [[ $current != [=:] ]] || current=
  COMPREPLY=()
  mapfile -t COMPREPLY < <(compgen -W "${reply/+files/}" -- "$current")
  if [[ $reply == *+files ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  fi
}

complete -F _concertina concertina
)";

std::string row(const std::string& after, const Offer& offer) {
  std::vector<std::string> reply = offer.words;
  if (offer.files) reply.emplace_back("+files");
  return "    " + quoted(after) + ") reply=" + quoted(join(reply, " ")) + " ;;\n";
}

std::string option_rows(const Command& command) {
  std::string rows;
  std::vector<std::string> all;
  for (const Option& option : command.options) {
    if (option.kind == OptionKind::positional) continue;
    all.push_back("--" + option.name);
    if (option.kind == OptionKind::flag) continue;
    rows += row(command.name + " --" + option.name, offer_for(option));
  }
  all.emplace_back("--help");
  return row(command.name + " -", {all}) + rows;
}

// Only a positional with choices can say what comes behind it.
std::string place_rows(const Command& command) {
  std::string rows;
  std::vector<std::string> before = {""};
  for (const Option& option : command.options) {
    if (option.kind != OptionKind::positional) continue;
    for (const std::string& word : before) {
      rows += row(command.name + (word.empty() ? "" : " ") + word, offer_for(option, word));
    }
    before = option.choices;
  }
  return rows;
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands) {
  std::string text =
      "# The completion of concertina for bash, as `concertina completion bash` prints it.\n\n"
      "# Sets `reply` to what may follow: behind the bare words of the line, behind \"COMMAND -\" "
      "the\n"
      "# options, behind \"COMMAND --OPTION\" its values; +files stands for any file.\n"
      "_concertina_offers() {\n"
      "  case $1 in\n";
  const std::vector<std::string> first = next_words(commands, "");
  text += row("", {first}) + row(" -", {{"--help", "--version"}});
  for (const std::string& word : first) {
    const std::vector<std::string> second = next_words(commands, word);
    if (!second.empty()) text += row(word, {second});
  }
  for (const Command& command : commands) text += option_rows(command) + place_rows(command);
  return text + "    *) return 1 ;;\n  esac\n}\n" + kWalk;
}

}  // namespace concertina::cli
