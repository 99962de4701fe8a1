// How the program sets itself up on the machine: memory, threads, device, log.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "options.h"

namespace concertina::cli {

// Once, before anything large is allocated.
void tune_process();

// --threads and --device, for commands that compute.
std::vector<Option> machine_options();
// --json, --quiet and --log-level, for commands that take a while; --json alone otherwise.
std::vector<Option> output_options();
Option json_option();
// `options` and then those of `more`.
std::vector<Option> with(std::vector<Option> options, const std::vector<std::vector<Option>>& more);

// Sets LibTorch's threads as --threads says, the log as --quiet and --log-level say, and gives the
// device. Throws UsageError for a device that is not there.
at::Device start(const Options& options);
at::Device parse_device(const std::string& text);
// The cores this process may use.
int core_count();

}  // namespace concertina::cli
