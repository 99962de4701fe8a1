// A few threads that share the parts of a job. A waiting thread gives way to whoever wants the
// processor, and soon sleeps, so that other work on the machine costs its share and no more (an
// OpenMP barrier spins on: measured, 10 to 20 times the time of a step).
#pragma once

#include <functional>
#include <memory>

namespace concertina::kernels {

// How many threads this process computes with; at first the cores there are. set_thread_count()
// throws ProgrammingError for fewer than 1.
int thread_count();
void set_thread_count(int threads);

class ThreadPool {
 public:
  // The calling thread is one of them. Throws ProgrammingError for fewer than 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Runs job(part, thread) for every part in 0..parts-1, each once, and returns when all are done.
  // thread is in 0..threads()-1: two calls with the same number never overlap. Which thread gets
  // which part is left to chance. The first exception thrown by a part is thrown again here. Not
  // for two callers at a time, nor from inside a job.
  void run(int parts, const std::function<void(int part, int thread)>& job);

 private:
  struct Shared;
  int threads_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace concertina::kernels
