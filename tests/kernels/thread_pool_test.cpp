#include "concertina/kernels/thread_pool.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "concertina/core/error.h"

namespace concertina::kernels {
namespace {

TEST(ThreadPool, RunsEveryPartOnceWhateverTheThreads) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const int parts : {0, 1, 3, 64}) {
      std::vector<std::atomic<int>> times(static_cast<std::size_t>(parts));
      for (int job = 0; job < 50; ++job) {
        pool.run(parts, [&](int part, int thread) {
          EXPECT_TRUE(thread >= 0 && thread < threads);
          ++times[static_cast<std::size_t>(part)];
        });
      }
      for (const auto& each : times) EXPECT_EQ(each, 50);
    }
  }
}

TEST(ThreadPool, AThreadsNumberIsNeverUsedTwiceAtATime) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> inside(3);
  pool.run(200, [&](int, int thread) {
    EXPECT_EQ(inside[static_cast<std::size_t>(thread)]++, 0);
    --inside[static_cast<std::size_t>(thread)];
  });
}

TEST(ThreadPool, ThrowsWhatAPartThrewAndGoesOnAfterwards) {
  ThreadPool pool(2);
  const auto job = [](int part, int) {
    if (part == 3) throw std::runtime_error("part 3");
  };
  EXPECT_THROW(pool.run(8, job), std::runtime_error);
  std::atomic<int> done{0};
  pool.run(8, [&](int, int) { ++done; });
  EXPECT_EQ(done, 8);
}

TEST(ThreadPool, RefusesFewerThanOneThread) {
  const int before = thread_count();
  EXPECT_THROW(ThreadPool(0), ProgrammingError);
  EXPECT_THROW(set_thread_count(0), ProgrammingError);
  EXPECT_EQ(thread_count(), before);
}

TEST(ThreadPool, ThreadsOfTheProcessAreWhatWasSet) {
  const int before = thread_count();
  EXPECT_GE(before, 1);
  set_thread_count(3);
  EXPECT_EQ(thread_count(), 3);
  set_thread_count(before);
}

}  // namespace
}  // namespace concertina::kernels
