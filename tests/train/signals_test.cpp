#include "concertina/train/signals.h"

#include <csignal>

#include <gtest/gtest.h>

namespace concertina {
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

}  // namespace
}  // namespace concertina
