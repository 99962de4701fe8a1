#include "concertina/eval/process.h"

#include <dlfcn.h>
#include <malloc.h>
#include <sched.h>

#include <string>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>

#include "concertina/core/error.h"
#include "concertina/kernels/thread_pool.h"

namespace concertina {
namespace {

// 32 MiB is the largest threshold that glibc accepts.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 2047 << 20);
  mallopt(M_TOP_PAD, 64 << 20);
}

void use_one_openblas_thread() {
  using SetThreads = void (*)(int);
  const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"));
  if (set != nullptr) set(1);
}

// LibTorch refuses to set it twice, and once its inter-op threads have started.
void use_one_interop_thread() {
  if (at::get_num_interop_threads() == 1) return;
  try {
    at::set_num_interop_threads(1);
  } catch (const c10::Error&) {
    return;
  }
}

void set_threads(int threads) {
  use_one_interop_thread();
  at::set_num_threads(threads);
  kernels::set_thread_count(threads);
}

}  // namespace

void tune_process(const ProcessTuning& tuning) {
  if (tuning.threads < 0) {
    throw ProgrammingError("threads of the process: " + std::to_string(tuning.threads) +
                           "; expected 0 (as they are) or more");
  }
  if (tuning.keep_memory) keep_freed_memory();
  if (tuning.single_threaded_blas) use_one_openblas_thread();
  if (tuning.threads > 0) set_threads(tuning.threads);
}

int core_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  return CPU_COUNT(&set);
}

ThreadCountGuard::ThreadCountGuard()
    : torch_threads_(at::get_num_threads()), kernel_threads_(kernels::thread_count()) {}

ThreadCountGuard::~ThreadCountGuard() {
  at::set_num_threads(torch_threads_);
  kernels::set_thread_count(kernel_threads_);
}

}  // namespace concertina
