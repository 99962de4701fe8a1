// LibTorch 1.13 and 2.x differ in how a program receives their warnings; this file hides that.
#pragma once

#include <string>

#include <c10/util/Exception.h>
#include <torch/version.h>

#include "concertina/core/log.h"

namespace concertina::cli {

class WarningsToLog final : public c10::WarningHandler {
 public:
#if TORCH_VERSION_MAJOR >= 2
  void process(const c10::Warning& warning) override { put(warning.msg()); }
#else
  void process(const c10::SourceLocation&, const std::string& message, bool) override {
    put(message);
  }
#endif

 private:
  static void put(const std::string& message) {
    log_warn("LibTorch: " + message.substr(0, message.find('\n')));
  }
};

// Applies to this thread, for as long as the program runs.
inline void send_warnings_to_log() {
  static WarningsToLog handler;
#if TORCH_VERSION_MAJOR >= 2
  c10::WarningUtils::set_warning_handler(&handler);
#else
  c10::Warning::set_warning_handler(&handler);
#endif
}

}  // namespace concertina::cli
