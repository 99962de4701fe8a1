// The built program as a child process.
#pragma once

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
  // Starts it in `folder`, with TERM=dumb. `environment`: "NAME=value".
  explicit Program(const std::vector<std::string>& arguments,
                   const std::filesystem::path& folder = ".",
                   const std::vector<std::string>& environment = {});
  pid_t id() const { return id_; }
  Outcome wait();

 private:
  TempFolder output_;
  pid_t id_ = -1;
};

Outcome run_program(const std::vector<std::string>& arguments,
                    const std::filesystem::path& folder = ".",
                    const std::vector<std::string>& environment = {});

std::string contents(const std::filesystem::path& file);

}  // namespace concertina::support
