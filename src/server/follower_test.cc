// Whoever waits for events is woken: soon, in thousands, and by what other programs write too.
#include "server/follower.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::server {
namespace {

using namespace std::chrono_literals;
using namespace holdfast::testing;
using Reason = Follower::Reason;

class FollowerTest : public ::testing::Test {
 protected:
  FollowerTest() : ledger(open_ledger(directory.path())) { stock(ledger); }

  Seq last() const { return must(ledger.status()).seq; }
  void write_one() { run(ledger, deposit("d" + std::to_string(++written_), "alice", 1)); }

  std::future<Follower::Wake> wait(Follower& follower, Seq after,
                                   std::optional<std::chrono::nanoseconds> until = std::nullopt) {
    auto promise = std::make_shared<std::promise<Follower::Wake>>();
    auto future = promise->get_future();
    (void)follower.wait(after, until, [promise](Follower::Wake wake) { promise->set_value(wake); });
    return future;
  }

  TemporaryDirectory directory;
  Ledger ledger;

 private:
  int written_ = 0;
};

TEST_F(FollowerTest, WhatIsThereAlreadyWakesAtOnce) {
  Follower follower(ledger, system_clock());
  const auto wake = wait(follower, Seq(2)).get();
  EXPECT_EQ(wake.reason, Reason::events);
  EXPECT_EQ(wake.seen, last());
}

TEST_F(FollowerTest, ANudgeWakesLongBeforeThePollWould) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  for (int i = 0; i < 20; ++i) {
    auto waiting = wait(follower, last());
    ASSERT_EQ(waiting.wait_for(5ms), std::future_status::timeout) << "nothing has happened yet";
    write_one();
    follower.nudge();
    EXPECT_EQ(waiting.get().reason, Reason::events);
  }
}

TEST_F(FollowerTest, WhatAnotherProgramWroteIsFoundByThePoll) {
  Follower follower(ledger, system_clock(), {.poll = 20ms});
  auto waiting = wait(follower, last());
  write_one();
  EXPECT_EQ(waiting.get().reason, Reason::events);
}

TEST_F(FollowerTest, ATimeThatHasComeWakes) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  const auto start = system_clock().monotonic();
  EXPECT_EQ(wait(follower, last(), start + 30ms).get().reason, Reason::time);
  EXPECT_GE(system_clock().monotonic() - start, 30ms);
}

TEST_F(FollowerTest, OnlyWhoSeesAnEventIsWoken) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  auto next = wait(follower, last());
  auto later = wait(follower, Seq(last().value() + 1));
  write_one();
  follower.nudge();
  EXPECT_EQ(next.get().reason, Reason::events);
  EXPECT_EQ(later.wait_for(20ms), std::future_status::timeout);
  write_one();
  follower.nudge();
  EXPECT_EQ(later.get().reason, Reason::events);
}

TEST_F(FollowerTest, ThousandsWaitAndAllAreWokenByOneEvent) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  constexpr int kWaiters = 10'000;
  std::atomic<int> woken = 0;
  std::promise<void> all;
  const auto start = system_clock().monotonic();
  const auto after = last();
  for (int i = 0; i < kWaiters; ++i) {
    (void)follower.wait(after, start + 1h, [&](Follower::Wake wake) {
      EXPECT_EQ(wake.reason, Reason::events);
      if (++woken == kWaiters) all.set_value();
    });
  }
  EXPECT_EQ(follower.waiting(), static_cast<std::size_t>(kWaiters));
  write_one();
  follower.nudge();
  all.get_future().wait();
  EXPECT_EQ(follower.waiting(), 0U);
}

TEST_F(FollowerTest, WhoCancelsIsNotCalled) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  const auto id =
      follower.wait(last(), std::nullopt, [](Follower::Wake) { ADD_FAILURE() << "it was cancelled"; });
  auto other = wait(follower, last());
  follower.cancel(id);
  write_one();
  follower.nudge();
  EXPECT_EQ(other.get().reason, Reason::events);
  EXPECT_EQ(follower.waiting(), 0U);
  follower.cancel(id);
}

TEST_F(FollowerTest, StoppingWakesAllAndWhoComesLaterAtOnce) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  auto waiting = wait(follower, last());
  follower.stop();
  EXPECT_EQ(waiting.get().reason, Reason::stopped);
  EXPECT_EQ(wait(follower, Seq()).get().reason, Reason::stopped);
}

TEST_F(FollowerTest, NobodyMissesAnEventWhileManyAreWritten) {
  Follower follower(ledger, system_clock(), {.poll = 1h});
  constexpr std::uint64_t kEvents = 500;
  const auto first = last();
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      write_one();
      follower.nudge();
    }
  });
  auto after = first;
  while (after.value() < first.value() + kEvents) {
    const auto wake = wait(follower, after).get();
    ASSERT_EQ(wake.reason, Reason::events);
    ASSERT_GT(wake.seen, after);
    after = wake.seen;
  }
  writer.join();
  EXPECT_EQ(after, last());
}

}  // namespace
}  // namespace holdfast::server
