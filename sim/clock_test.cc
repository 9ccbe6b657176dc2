// The simulated clock does what a bad one does, and no more.
#include "sim/clock.h"

#include <gtest/gtest.h>

namespace holdfast::sim {
namespace {

TEST(SimClock, JumpsAndDriftsWhileTheMonotonicTimeOnlyAdvances) {
  int back = 0;
  int drifted = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimClock clock(Prng(seed), 20'000, 5'000);
    const auto begin = clock.wall();
    for (int i = 0; i < 1'000; ++i) {
      const auto wall = clock.wall();
      const auto monotonic = clock.monotonic();
      clock.step();
      EXPECT_GE(clock.monotonic(), monotonic);
      back += clock.wall() < wall;
    }
    drifted += clock.wall().micros - begin.micros != clock.monotonic().count() / 1'000;
    EXPECT_GT(clock.jumps(), 0U);
    EXPECT_GT(clock.drifts(), 0U);
  }
  EXPECT_GT(back, 20);
  EXPECT_EQ(drifted, 20);
}

TEST(SimClock, TheSameSeedGivesTheSameTimes) {
  SimClock a(Prng(7), 1'000, 1'000'000);
  SimClock b(Prng(7), 1'000, 1'000'000);
  for (int i = 0; i < 1'000; ++i) {
    a.step();
    b.step();
  }
  EXPECT_EQ(a.wall(), b.wall());
  EXPECT_EQ(a.monotonic(), b.monotonic());
}

}  // namespace
}  // namespace holdfast::sim
