// A network that is named on the command line, not taken from a run.
#pragma once

#include <string>
#include <vector>

#include "concertina/spec/net_spec.h"

#include "options/options.h"

namespace concertina::cli {

// --net-option, and --classes, --channels and --size of its images. `when` begins each help text.
std::vector<Option> named_net_options(const std::string& when = "");
// The network of --net and those.
NetSpec named_net(const Options& options);

}  // namespace concertina::cli
