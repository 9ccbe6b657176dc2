// Many commands under way at once: answered once each, in order, as if run one after another (law 9).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;

class SubmitTest : public ::testing::Test {
 protected:
  SubmitTest() : ledger(open_ledger(directory.path())) { stock(ledger); }
  /// `work(thread)` on that many threads at once.
  template <class Work>
  void on_threads(int count, Work work) {
    std::vector<std::future<void>> threads;
    for (int t = 0; t < count; ++t)
      threads.push_back(std::async(std::launch::async, [&work, t] { work(t); }));
    for (auto& thread : threads) thread.get();
  }

  TemporaryDirectory directory;
  Ledger ledger;
};

TEST_F(SubmitTest, OneThreadsCommandsAreDecidedAndAnsweredInOrder) {
  constexpr std::size_t kCommands = 2'000;
  std::vector<std::uint64_t> seqs;
  std::promise<void> all;
  for (std::size_t i = 0; i < kCommands; ++i) {
    ledger.submit(deposit(fmt::format("d:{}", i), "alice", 1), [&](Result<Answer> answer) {
      seqs.push_back(answer ? answer->seq->value() : 0);
      if (seqs.size() == kCommands) all.set_value();
    });
  }
  all.get_future().get();
  for (std::size_t i = 1; i < kCommands; ++i) ASSERT_EQ(seqs[i], seqs[i - 1] + 1);
  EXPECT_EQ(available(ledger, "alice"), 100'000 + static_cast<std::int64_t>(kCommands));
}

TEST_F(SubmitTest, EightThreadsGetEachTheirOwnAnswersOnce) {
  constexpr int kThreads = 8;
  constexpr int kCommands = 250;
  std::vector<std::vector<std::uint64_t>> seqs(kThreads);
  on_threads(kThreads, [&](int t) {
    std::promise<void> all;
    int left = kCommands;
    auto& mine = seqs[static_cast<std::size_t>(t)];
    for (int i = 0; i < kCommands; ++i) {
      ledger.submit(deposit(fmt::format("{}:{}", t, i), t % 2 == 0 ? "alice" : "bob", 1),
                    [&](Result<Answer> answer) {
                      mine.push_back(answer ? answer->seq->value() : 0);
                      if (--left == 0) all.set_value();
                    });
      if (i % 50 == 0) (void)available(ledger, "alice");
    }
    all.get_future().get();
  });
  std::vector<std::uint64_t> together;
  for (const auto& mine : seqs) {
    ASSERT_EQ(mine.size(), static_cast<std::size_t>(kCommands));
    EXPECT_TRUE(std::ranges::is_sorted(mine)) << "a thread's commands keep their order";
    together.insert(together.end(), mine.begin(), mine.end());
  }
  std::ranges::sort(together);
  EXPECT_EQ(std::ranges::adjacent_find(together), together.end()) << "no event is answered twice";
  EXPECT_EQ(available(ledger, "alice"), 100'000 + kThreads / 2 * kCommands);
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(SubmitTest, WhatWasSubmittedIsFinishedWhenTheLedgerCloses) {
  std::atomic<int> answered{0};
  for (int i = 0; i < 500; ++i)
    ledger.submit(deposit(fmt::format("d:{}", i), "alice", 1),
                  [&](Result<Answer> answer) { answered += answer.has_value(); });
  ledger = Ledger(nullptr);
  EXPECT_EQ(answered, 500);
  ledger = open_ledger(directory.path());
  EXPECT_EQ(available(ledger, "alice"), 100'500);
}

TEST_F(SubmitTest, AChunkedCommandIsRefused) {
  std::promise<Result<Answer>> done;
  ledger.submit(chunked<Release>("c", "g", 10),
                [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
  const auto error = must_fail(done.get_future().get());
  EXPECT_EQ(error.code, ErrorCode::invalid_command);
  EXPECT_NE(error.message.find("execute"), std::string::npos) << error.message;
}

TEST_F(SubmitTest, OneKeyFromEightThreadsTakesEffectOnce) {
  std::atomic<int> firsts{0};
  on_threads(8, [&](int) {
    for (int i = 0; i < 50; ++i)
      firsts += !run(ledger, testing::hold(fmt::format("h:{}", i), "alice", "shop", 100)).replayed;
  });
  EXPECT_EQ(firsts, 50);
  EXPECT_EQ(held(ledger, "alice"), 5'000);
}

TEST_F(SubmitTest, ThreeHoldsOfHalfTheBalanceInParallel) {
  run(ledger, open("carol"));
  run(ledger, deposit("d", "carol", 10'000));
  std::atomic<int> done{0};
  std::atomic<int> short_of_money{0};
  on_threads(3, [&](int t) {
    const auto answer = ledger.execute(testing::hold(fmt::format("h:{}", t), "carol", "shop", 5'000));
    if (answer) ++done;
    if (!answer && answer.error().code == ErrorCode::insufficient_funds) ++short_of_money;
  });
  EXPECT_EQ(done, 2);
  EXPECT_EQ(short_of_money, 1);
  EXPECT_EQ(available(ledger, "carol"), 0);
}

TEST_F(SubmitTest, TwoGroupsOfAThousandInParallelPayExactCommission) {
  run(ledger, deposit("more", "alice", 2'000'000));
  for (const std::string group : {"a", "b"}) {
    std::vector<Command> holds;
    for (int i = 0; i < 1'000; ++i)
      holds.push_back(testing::hold(fmt::format("{}:{}", group, i), "alice", "shop", 1'000, group));
    run(ledger, atomic(std::move(holds)));
  }
  on_threads(2, [&](int t) { settle(ledger, release_group(t == 0 ? "a" : "b")); });
  EXPECT_EQ(available(ledger, "platform:commission"), 100'000);
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(SubmitTest, ReleaseAndRefundOfOneEscrowRacedAThousandTimes) {
  constexpr int kRaces = 1'000;
  for (int i = 0; i < kRaces; ++i)
    ledger.submit(testing::hold(fmt::format("h:{}", i), "alice", "shop", 100), [](Result<Answer>) {});
  std::atomic<int> won{0};
  std::atomic<int> lost{0};
  on_threads(2, [&](int t) {
    std::promise<void> all;
    std::atomic<int> left{kRaces};
    for (int i = 0; i < kRaces; ++i) {
      const auto key = fmt::format("h:{}", i);
      ledger.submit(t == 0 ? release({key}) : refund({key}), [&](Result<Answer> answer) {
        if (answer) ++won;
        if (!answer && answer.error().code == ErrorCode::escrow_not_locked) ++lost;
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().get();
  });
  EXPECT_EQ(won, kRaces);
  EXPECT_EQ(lost, kRaces);
  EXPECT_EQ(held(ledger, "alice"), 0);
  EXPECT_EQ(broken_laws(ledger), "");
}

}  // namespace
}  // namespace holdfast
