// What other code in a process can see of its settings, as text that two tests compare.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include <cfenv>
#include <clocale>
#include <exception>
#include <filesystem>
#include <locale>
#include <map>
#include <sstream>
#include <string>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/DefaultDtype.h>
#include <c10/core/GradMode.h>
#include <hdf5.h>
#include <torch/version.h>

#include "concertina/kernels/thread_pool.h"

namespace concertina::support {

using ProcessState = std::map<std::string, std::string>;

template <class Value>
std::string as_text(const Value& value) {
  std::ostringstream stream;
  stream.imbue(std::locale::classic());
  stream << value;
  return stream.str();
}

inline void add_system(ProcessState& state) {
  for (const int signal : {SIGINT, SIGTERM, SIGXFSZ, SIGPIPE, SIGFPE}) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    state["signal " + as_text(signal)] =
        as_text(reinterpret_cast<void*>(action.sa_handler)) + " " + as_text(action.sa_flags);
  }
  const mode_t mask = umask(0);
  umask(mask);
  state["umask"] = as_text(mask);
  state["working folder"] = std::filesystem::current_path().string();
  state["locale"] = std::setlocale(LC_ALL, nullptr);
  state["C++ locale"] = std::locale().name();
  state["terminate handler"] = as_text(reinterpret_cast<void*>(std::get_terminate()));
  state["rounding"] = as_text(std::fegetround());
#if defined(__SSE__)
  state["floating-point control"] = as_text(_mm_getcsr() & ~static_cast<unsigned>(_MM_EXCEPT_MASK));
#endif
}

inline void add_hdf5(ProcessState& state) {
  unsigned plugins = 0;
  H5PLget_loading_state(&plugins);
  state["HDF5 plugins"] = as_text(plugins);
  H5E_auto2_t print = nullptr;
  void* data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &print, &data);
  state["HDF5 errors"] = as_text(reinterpret_cast<void*>(print)) + " " + as_text(data);
}

inline void add_torch(ProcessState& state) {
  state["default type"] = as_text(c10::get_default_dtype_as_scalartype());
  state["grad mode"] = as_text(c10::GradMode::is_enabled());
  state["deterministic"] = as_text(at::globalContext().deterministicAlgorithms());
  state["random state"] =
      as_text(at::detail::getDefaultCPUGenerator().get_state().sum().item<double>());
  state["seed"] = as_text(at::detail::getDefaultCPUGenerator().current_seed());
#if TORCH_VERSION_MAJOR >= 2
  state["warnings"] = as_text(c10::WarningUtils::get_warning_handler());
#else
  state["warnings"] = as_text(c10::Warning::get_warning_handler());
#endif
}

inline ProcessState thread_counts() {
  return {{"LibTorch's threads", as_text(at::get_num_threads())},
          {"inter-op threads", as_text(at::get_num_interop_threads())},
          {"kernel threads", as_text(kernels::thread_count())}};
}

inline ProcessState process_state() {
  ProcessState state;
  add_system(state);
  add_hdf5(state);
  add_torch(state);
  return state;
}

}  // namespace concertina::support
