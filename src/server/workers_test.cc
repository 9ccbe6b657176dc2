#include "server/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>

namespace holdfast::server {
namespace {

TEST(Workers, AllThatIsTakenIsDone) {
  std::atomic<int> done = 0;
  {
    Workers workers(3, 1'000);
    for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(workers.post([&] { done.fetch_add(1); }));
  }
  EXPECT_EQ(done.load(), 1'000) << "the end waits for what is queued";
}

TEST(Workers, TheyWorkSideBySide) {
  std::latch both(2);
  std::promise<void> done;
  Workers workers(2, 10);
  ASSERT_TRUE(workers.post([&] { both.arrive_and_wait(); }));
  ASSERT_TRUE(workers.post([&] {
    both.arrive_and_wait();  // or none of them goes on
    done.set_value();
  }));
  done.get_future().get();
}

TEST(Workers, MoreThanTheQueueTakesIsRefusedAndNotDone) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> done = 0;
  {
    Workers workers(1, 2);
    ASSERT_TRUE(workers.post([&] {
      begun.set_value();
      go_on.get_future().get();
    }));
    begun.get_future().get();  // it is under way and not queued any more
    EXPECT_EQ(workers.queued(), 0U);
    EXPECT_TRUE(workers.post([&] { done.fetch_add(1); }));
    EXPECT_TRUE(workers.post([&] { done.fetch_add(1); }));
    EXPECT_EQ(workers.queued(), 2U);
    EXPECT_FALSE(workers.post([&] { done.fetch_add(100); }));
    go_on.set_value();
  }
  EXPECT_EQ(done.load(), 2);
}

/// Asks the workers while it goes, which would wait for ever where they hold their lock.
class AsksAtItsEnd {
 public:
  AsksAtItsEnd(Workers& workers, std::promise<std::size_t>& told) : workers_(workers), told_(told) {}
  ~AsksAtItsEnd() { told_.set_value(workers_.queued()); }
  AsksAtItsEnd(const AsksAtItsEnd&) = delete;
  AsksAtItsEnd& operator=(const AsksAtItsEnd&) = delete;

 private:
  Workers& workers_;
  std::promise<std::size_t>& told_;
};

TEST(Workers, WhatWorkHoldsGoesOutsideTheLock) {
  std::promise<std::size_t> told;
  Workers workers(1, 2);
  ASSERT_TRUE(workers.post([held = std::make_shared<AsksAtItsEnd>(workers, told)] {}));
  EXPECT_EQ(told.get_future().get(), 0U);
}

}  // namespace
}  // namespace holdfast::server
