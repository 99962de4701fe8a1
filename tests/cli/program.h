// The built program as a child process.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/temp_folder.h"

namespace concertina::support {

struct Outcome {
  int code = 0;  // 128 + n after a signal that killed it
  std::string out, err;
};

class Program {
 public:
  // Starts it in `folder`, with TERM=dumb. `environment`: "NAME=value". No file it writes grows
  // beyond `largest_file` bytes.
  explicit Program(const std::vector<std::string>& arguments,
                   const std::filesystem::path& folder = ".",
                   const std::vector<std::string>& environment = {},
                   rlim_t largest_file = RLIM_INFINITY);
  pid_t id() const { return id_; }
  std::string err() const;  // so far
  bool has_ended() const;
  Outcome wait();

 private:
  TempFolder output_;
  pid_t id_ = -1;
};

Outcome run_program(const std::vector<std::string>& arguments,
                    const std::filesystem::path& folder = ".",
                    const std::vector<std::string>& environment = {});

std::string contents(const std::filesystem::path& file);

// `concertina train` of a tiny net on 200 generated images, without its epochs.
std::vector<std::string> tiny_training(const std::string& out, const std::string& recipe = "quick",
                                       const std::vector<std::string>& more = {});

struct Refusal {
  std::vector<std::string> arguments;
  int code;
  std::string message;  // a part of it
};

// Nothing on standard output, and on standard error one line: "concertina: ...".
void expect_refused(const Refusal& refusal, const Outcome& outcome);
void expect_refused(const Refusal& refusal, const std::filesystem::path& folder = ".");

}  // namespace concertina::support
