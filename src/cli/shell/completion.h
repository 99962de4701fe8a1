// Computes what a shell can offer for a word of the command line, from the tables of
// options; bash and zsh each say it in their own way.
#pragma once

#include <string>
#include <vector>

#include "options/options.h"

namespace concertina::cli {

struct Offer {
  std::vector<std::string> words;
  bool files = false;        // files too
  bool path_behind = false;  // NAME:PATH, files behind the colon
};

// For an option's value or a positional. `before` is the positional in front, which says what kind
// of NAME is meant: `show net NAME`.
Offer offer_for(const Option& option, const std::string& before = "");

std::string bash_completion(const std::vector<Command>& commands);
std::string zsh_completion(const std::vector<Command>& commands);

// `text` between single quotes.
std::string quoted(const std::string& text);
// The second words of the commands that begin with `first`, or the first words of all with "".
std::vector<std::string> next_words(const std::vector<Command>& commands, const std::string& first);

}  // namespace concertina::cli
