#include "start.h"

#include <csignal>

#include <torch/cuda.h>

#include "concertina/core/error.h"
#include "concertina/core/log.h"
#include "concertina/core/text.h"
#include "concertina/eval/process.h"

#include "torch_compat.h"

namespace concertina::cli {
namespace {

constexpr Range kThreads{1, 4096};

at::Device cuda_device(const std::string& text, std::int64_t index) {
  const auto count = static_cast<std::int64_t>(torch::cuda::device_count());
  if (index < count) return at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
  throw UsageError("--device " + text + ": " +
                   (count == 0
                        ? "there is no CUDA device, or LibTorch was built without CUDA"
                        : "there are " + std::to_string(count) + " CUDA devices, from cuda:0"));
}

at::Device recorded_device(const std::string& environment) {
  const std::string text = recorded(environment, "device");
  if (text.empty()) return at::kCPU;
  try {
    return parse_device(text);
  } catch (const UsageError& error) {
    throw UsageError(std::string("the run began with ") + error.what() +
                     "; name another --device to continue it here");
  }
}

void set_threads(std::int64_t threads) {
  ProcessTuning tuning;
  tuning.threads = static_cast<int>(threads);
  tune_process(tuning);
}

// A file that may not grow further is then a failed write with its own message, not a death.
void survive_size_limits() { std::signal(SIGXFSZ, SIG_IGN); }

}  // namespace

std::string recorded(const std::string& environment, const std::string& key) {
  const std::string head = key + " = ";
  for (const std::string& line : split(environment, '\n')) {
    if (line.compare(0, head.size(), head) == 0) return line.substr(head.size());
  }
  return "";
}

void prepare_process() {
  survive_size_limits();
  tune_process();
  send_warnings_to_log();
}

std::vector<Option> machine_options() {
  return {integer_option("threads", kThreads, "of LibTorch; without it, the cores there are"),
          text_option("device", "D", "cpu, cuda, cuda:N, or auto (cuda when there)", "cpu")};
}

std::vector<Option> machine_options_of_run() {
  return {integer_option("threads", kThreads, "of LibTorch; without it, those the run began with"),
          text_option("device", "D",
                      "cpu, cuda, cuda:N, or auto (cuda when there); without it, the run's")};
}

Option json_option() { return flag_option("json", "print the result as JSON"); }

std::vector<Option> output_options() {
  return {json_option(), flag_option("quiet", "no progress, and warnings only"),
          choice_option("log-level", {"trace", "debug", "info", "warn", "error", "off"},
                        "how much is logged", "info")};
}

std::vector<Option> arithmetic_options() {
  return {
      choice_option("engine", {"auto", "plain", "fused"}, "how the network is computed", "auto"),
      choice_option("precision", {"fp32", "bf16"}, "of the training passes' arithmetic", "fp32")};
}

Engine chosen_engine(const Options& options) {
  for (const Engine engine : {Engine::plain, Engine::fused}) {
    if (options.text("engine") == engine_name(engine)) return engine;
  }
  return Engine::automatic;
}

Precision chosen_precision(const Options& options) {
  return options.text("precision") == precision_name(Precision::bf16) ? Precision::bf16
                                                                      : Precision::fp32;
}

std::vector<Option> with(std::vector<Option> options,
                         const std::vector<std::vector<Option>>& more) {
  for (const std::vector<Option>& part : more) {
    options.insert(options.end(), part.begin(), part.end());
  }
  return options;
}

at::Device parse_device(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (text == "cpu") return at::kCPU;
  if (text == "auto" && torch::cuda::device_count() == 0) return at::kCPU;
  if (text == "cuda" || text == "auto") return cuda_device(text, 0);
  const std::optional<std::int64_t> index =
      parts.size() == 2 && parts[0] == "cuda" ? parse_integer(parts[1]) : std::nullopt;
  if (index && *index >= 0 && *index < 128) return cuda_device(text, *index);
  throw UsageError("--device \"" + text + "\"; expected cpu, cuda, cuda:N or auto");
}

void start_log(const Options& options) {
  const LogLevel level = parse_log_level(options.text("log-level"));
  set_log_level(options.flag("quiet") && level < LogLevel::warn ? LogLevel::warn : level);
}

void start_on_cpu(const Options& options) {
  start_log(options);
  set_threads(core_count());
}

at::Device start(const Options& options) {
  start_log(options);
  const at::Device device = parse_device(options.text("device"));
  set_threads(options.given("threads") ? options.integer("threads") : core_count());
  return device;
}

at::Device start_as_before(const Options& options, const std::string& environment) {
  const at::Device device =
      options.given("device") ? parse_device(options.text("device")) : recorded_device(environment);
  const std::int64_t then = parse_integer(recorded(environment, "threads")).value_or(0);
  const bool known = then >= kThreads.low && then <= kThreads.high;
  set_threads(options.given("threads") ? options.integer("threads") : known ? then : core_count());
  return device;
}

}  // namespace concertina::cli
