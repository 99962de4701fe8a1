#include "signals.h"

#include <csignal>

#include <gtest/gtest.h>

namespace concertina::cli {
namespace {

TEST(Signals, TheFirstIsRemembered) {
  const SignalGuard guard;
  EXPECT_EQ(SignalGuard::received(), 0);
  std::raise(SIGTERM);
  EXPECT_EQ(SignalGuard::received(), SIGTERM);
}

TEST(Signals, TheSecondLeavesAtOnce) {
  EXPECT_EXIT(
      {
        const SignalGuard guard;
        std::raise(SIGINT);
        std::raise(SIGINT);
      },
      testing::ExitedWithCode(128 + SIGINT), "");
}

TEST(Signals, HandlersAreRestored) {
  EXPECT_EXIT(
      {
        { const SignalGuard guard; }
        std::raise(SIGTERM);
      },
      testing::KilledBySignal(SIGTERM), "");
}

// Where the stack pointer points into the heap, as in products of 256 inner elements with
// oneDNN 2.6 and AVX2, a handler on that stack would write over what lies below.
TEST(Signals, AreHandledOnAStackOfTheirOwn) {
  stack_t before{}, during{}, after{};
  sigaltstack(nullptr, &before);
  struct sigaction action {};
  {
    const SignalGuard guard;
    sigaltstack(nullptr, &during);
    for (const int signal : {SIGINT, SIGTERM}) {
      sigaction(signal, nullptr, &action);
      EXPECT_NE(action.sa_flags & SA_ONSTACK, 0) << signal;
    }
  }
  EXPECT_EQ(during.ss_flags & SS_DISABLE, 0);
  EXPECT_NE(during.ss_sp, before.ss_sp);
  sigaltstack(nullptr, &after);
  EXPECT_EQ(after.ss_sp, before.ss_sp);
  EXPECT_EQ(after.ss_flags, before.ss_flags);
}

}  // namespace
}  // namespace concertina::cli
