// Threads that give keyed commands until they are answered, whatever happens to the server meanwhile.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "service/testing/shop.h"

namespace holdfast::testing {

/// Each thread holds 1.00 of a payer and releases it, again and again, every command under a key of its own.
class KeyedLoad {
 public:
  static constexpr int kThreads = 4;
  static constexpr int kEach = 60;
  static constexpr int kAll = kThreads * kEach;

  /// \param ledger  outlives the load
  KeyedLoad(Ledger& ledger, std::string payer) : ledger_(ledger), payer_(std::move(payer)) {
    for (int t = 0; t < kThreads; ++t) threads_.emplace_back([this, t] { work(t); });
  }

  /// Until so many pairs are answered.
  void wait_for(int pairs) const {
    while (done_ < pairs) std::this_thread::yield();
  }
  /// Until all are.
  void finish() { threads_.clear(); }

  /// Every acknowledged command is in `ledger`, once: asked again it is a replay of the same event. \pre
  /// finished
  void expect_all_there(Ledger& ledger) {
    for (int t = 0; t < kThreads; ++t) {
      for (int i = 0; i < kEach; ++i) {
        for (const auto& command : commands(t, i)) {
          const auto again = run(ledger, command);
          EXPECT_TRUE(again.replayed);
          EXPECT_EQ(*again.event_id, acknowledged_[command.options.key]);
        }
      }
    }
  }

 private:
  [[nodiscard]] std::vector<Command> commands(int thread, int number) const {
    const auto key = fmt::format("{}:{}", thread, number);
    return {hold("h" + key, payer_, "shop", 100, "g"), with_key(release({"h" + key}), "r" + key)};
  }
  void work(int thread) {
    for (int i = 0; i < kEach; ++i) {
      for (const auto& command : commands(thread, i)) {
        auto answer = ledger_.execute(command);
        while (!answer) {
          ASSERT_FALSE(is_rejection(answer.error().code)) << answer.error().message;
          answer = ledger_.execute(command);
        }
        const std::scoped_lock hold_it(mutex_);
        acknowledged_[command.options.key] = *answer->event_id;
      }
      ++done_;
    }
  }

  Ledger& ledger_;
  const std::string payer_;
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> acknowledged_;
  std::atomic<int> done_{0};
  std::vector<std::jthread> threads_;  // last: they use all of the above
};

}  // namespace holdfast::testing
