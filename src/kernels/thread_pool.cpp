#include "concertina/kernels/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "concertina/core/error.h"

namespace concertina::kernels {
namespace {

using Clock = std::chrono::steady_clock;

// Longer than what a pass does between two jobs; waking a thread takes about 50 microseconds.
constexpr std::chrono::microseconds kPatience(500);

// Waits a little for `ready`, giving way to whoever else wants the processor.
template <class Ready>
bool comes_soon(const Ready& ready) {
  const Clock::time_point start = Clock::now();
  do {
    for (int k = 0; k < 32; ++k) {
      if (ready()) return true;
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
    }
    std::this_thread::yield();
  } while (Clock::now() - start < kPatience);
  return ready();
}

std::atomic<int>& threads_of_process() {
  static std::atomic<int> count{std::max(1, static_cast<int>(std::thread::hardware_concurrency()))};
  return count;
}

int at_least_one(int threads) {
  if (threads >= 1) return threads;
  throw ProgrammingError("threads: " + std::to_string(threads) + "; expected at least 1");
}

}  // namespace

int thread_count() { return threads_of_process(); }
void set_thread_count(int threads) { threads_of_process() = at_least_one(threads); }

struct ThreadPool::Shared {
  using Job = std::function<void(int, int)>;

  std::mutex mutex;
  std::condition_variable wake;    // a job has come
  std::condition_variable finish;  // the helpers are through with it
  std::atomic<long> generation{0};
  std::atomic<int> busy{0};  // helpers that have not left the current job
  std::atomic<int> next{0};
  bool stop = false;
  int parts = 0;
  const Job* job = nullptr;
  std::exception_ptr error;
  std::vector<std::thread> helpers;

  void work(int thread) {
    for (int part = next.fetch_add(1); part < parts; part = next.fetch_add(1)) {
      try {
        (*job)(part, thread);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex);
        if (!error) error = std::current_exception();
      }
    }
  }

  void help(int thread) {
    for (long seen = 0;; ++seen) {
      const auto called = [&] { return generation.load() != seen; };
      if (!comes_soon(called)) {
        std::unique_lock<std::mutex> lock(mutex);
        wake.wait(lock, called);
      }
      if (stop) return;
      work(thread);
      if (busy.fetch_sub(1) == 1) {
        const std::lock_guard<std::mutex> lock(mutex);
        finish.notify_one();
      }
    }
  }

  void start() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      ++generation;
    }
    wake.notify_all();
  }

  void wait() {
    const auto done = [&] { return busy.load() == 0; };
    if (comes_soon(done)) return;
    std::unique_lock<std::mutex> lock(mutex);
    finish.wait(lock, done);
  }
};

ThreadPool::ThreadPool(int threads)
    : threads_(at_least_one(threads)), shared_(std::make_unique<Shared>()) {
  for (int thread = 1; thread < threads; ++thread) {
    shared_->helpers.emplace_back([this, thread] { shared_->help(thread); });
  }
}

ThreadPool::~ThreadPool() {
  shared_->stop = true;
  shared_->start();
  for (std::thread& helper : shared_->helpers) helper.join();
}

void ThreadPool::run(int parts, const std::function<void(int part, int thread)>& job) {
  if (parts <= 0) return;
  if (parts == 1) return job(0, 0);  // nobody is woken, and nobody waited for
  Shared& shared = *shared_;
  shared.parts = parts;
  shared.job = &job;
  shared.next = 0;
  shared.error = nullptr;
  if (threads_ > 1) {
    shared.busy = threads_ - 1;
    shared.start();
  }
  shared.work(0);
  shared.wait();
  if (shared.error) std::rethrow_exception(shared.error);
}

}  // namespace concertina::kernels
