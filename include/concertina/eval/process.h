// Settings of the whole process that make training and inference faster. No other function of the
// library changes anything that other code in the process can see, so a host that has settings of
// its own need not call this one: results are the same, only the time of a step differs. It does
// not touch signals, the locale, LibTorch's warning handler or the floating-point environment.
#pragma once

namespace concertina {

struct ProcessTuning {
  // mallopt(): glibc keeps freed memory of up to 2 GiB and takes blocks of up to 32 MiB from the
  // heap. By default it returns large blocks to the system at once and pays page faults to get them
  // again, which takes 1.2 to 1.3 times the time of a step.
  bool keep_memory = true;
  // openblas_set_num_threads(1), where LibTorch is linked with OpenBLAS, whose threads compete with
  // LibTorch's: 1.4 times the time of a step.
  bool single_threaded_blas = true;
  // at::set_num_threads() and kernels::set_thread_count(), and one inter-op thread where LibTorch
  // still allows to set it; 0 leaves all of them as they are.
  int threads = 0;
};

// Best called before anything large is allocated. Throws ProgrammingError for a negative number of
// threads.
void tune_process(const ProcessTuning& tuning = {});

// The cores that this process may use (sched_getaffinity), at least 1.
int core_count();

// Restores LibTorch's number of threads and kernels::thread_count() when it goes out of scope.
class ThreadCountGuard {
 public:
  ThreadCountGuard();
  ~ThreadCountGuard();
  ThreadCountGuard(const ThreadCountGuard&) = delete;
  ThreadCountGuard& operator=(const ThreadCountGuard&) = delete;

 private:
  int torch_threads_;
  int kernel_threads_;
};

}  // namespace concertina
