// The architectures that --net can name, as one table that can be grepped.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "concertina/spec/net_spec.h"

namespace concertina {

// The input and output sizes that a net is built for, taken from the data.
struct NetInput {
  int classes = 10;
  int channels = 3;
  int height = 32;  // pixels
  int width = 32;   // pixels
};

// One argument of an architecture, for help and messages.
struct NetOption {
  std::string name;
  std::string fallback;
  std::string help;
};
using NetOptions = std::map<std::string, std::string>;

struct NetEntry {
  std::string name;
  std::string summary;
  std::vector<NetOption> options;
  NetSpec (*build)(const NetInput& input, const NetOptions& options);
};
const std::vector<NetEntry>& net_catalog();

// Throws NoInputError for an unknown name, UsageError for an unknown option or a bad value; both
// name the nearest known one. `settings` are "key=value".
NetSpec make_net(const std::string& name, const NetInput& input,
                 const std::vector<std::string>& settings = {});

}  // namespace concertina
