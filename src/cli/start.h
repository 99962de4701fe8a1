// How the program sets itself up on the machine: memory, threads, device, log.
#pragma once

#include <vector>

#include <ATen/core/Tensor.h>

#include "concertina/nn/flexible_net.h"

#include "options/options.h"

namespace concertina::cli {

// Prepares the program's process once, before anything large is allocated: the library's
// tune_process(), signals, and LibTorch's warnings.
void prepare_process();

// --threads and --device, for commands that compute.
std::vector<Option> machine_options();
// The same options for a run that goes on; their defaults are what it began with.
std::vector<Option> machine_options_of_run();
// --engine and --precision, for commands that make a net.
std::vector<Option> arithmetic_options();
Engine chosen_engine(const Options& options);
Precision chosen_precision(const Options& options);
// --json, --quiet and --log-level, for commands that take a while; --json alone otherwise.
std::vector<Option> output_options();
Option json_option();
// `options` and then those of `more`.
std::vector<Option> with(std::vector<Option> options, const std::vector<std::vector<Option>>& more);

// Sets LibTorch's threads as --threads says, the log as --quiet and --log-level say, and gives the
// device. Throws UsageError for a device that is not there.
at::Device start(const Options& options);
// The two steps of start() for a run that goes on; `environment` is where the run began.
void start_log(const Options& options);
// For commands that compute little: on the CPU, with the cores there are.
void start_on_cpu(const Options& options);
at::Device start_as_before(const Options& options, const std::string& environment);
at::Device parse_device(const std::string& text);
// The value of "key = value" in an environment's lines, or "".
std::string recorded(const std::string& environment, const std::string& key);

}  // namespace concertina::cli
