// Many commands under way at once, from many threads: each answered once, and together as if one by one.
#include <atomic>
#include <future>
#include <set>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class SubmitTest : public ConformanceTest {
 protected:
  template <class Work>
  static void on_threads(int count, Work work) {
    std::vector<std::future<void>> threads;
    for (int t = 0; t < count; ++t) {
      threads.push_back(std::async(std::launch::async, [&work, t] { work(t); }));
    }
    for (auto& thread : threads) thread.get();
  }
};
HOLDFAST_ON_EVERY_STORE(SubmitTest);

TEST_P(SubmitTest, EachIsAnsweredOnce) {
  constexpr int kThreads = 6;
  constexpr int kCommands = 150;
  std::vector<std::vector<std::uint64_t>> events(kThreads);
  on_threads(kThreads, [&](int t) {
    std::atomic<int> left = kCommands;
    std::promise<void> all;
    auto& mine = events[static_cast<std::size_t>(t)];
    mine.resize(kCommands);
    for (int i = 0; i < kCommands; ++i) {
      ledger.submit(deposit(fmt::format("{}:{}", t, i), t % 2 == 0 ? "alice" : "bob", 1),
                    [&, i](Result<Answer> answer) {
                      mine[static_cast<std::size_t>(i)] = answer ? *answer->event_id : 0;
                      if (--left == 0) all.set_value();
                    });
    }
    all.get_future().get();
  });
  std::set<std::uint64_t> distinct;
  for (const auto& mine : events) distinct.insert(mine.begin(), mine.end());
  EXPECT_FALSE(distinct.contains(0));
  EXPECT_EQ(distinct.size(), static_cast<std::size_t>(kThreads * kCommands));
  EXPECT_EQ(available(ledger, "alice"), 100'000 + kThreads / 2 * kCommands);
}

TEST_P(SubmitTest, RejectionsAmongThemAreTheirOwn) {
  constexpr int kCommands = 200;
  std::atomic<int> held_count{0};
  std::atomic<int> refused{0};
  std::atomic<int> other{0};
  std::atomic<int> left{kCommands};
  std::promise<void> all;
  // 1,000.00 for 200 holds of 10.00: half of them must be refused.
  for (int i = 0; i < kCommands; ++i) {
    ledger.submit(hold(fmt::format("h{}", i), "alice", "shop", 1'000), [&](Result<Answer> answer) {
      if (answer) {
        ++held_count;
      } else if (answer.error().code == ErrorCode::insufficient_funds) {
        ++refused;
      } else {
        ++other;
      }
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  EXPECT_EQ(held_count, 100);
  EXPECT_EQ(refused, 100);
  EXPECT_EQ(other, 0);
  EXPECT_EQ(buckets("alice"), "0+100000");
}

TEST_P(SubmitTest, AChunkedCommandIsRefused) {
  std::promise<Result<Answer>> done;
  ledger.submit(chunked<Release>("c", "g", 2),
                [&](Result<Answer> answer) { done.set_value(std::move(answer)); });
  EXPECT_EQ(code_of(must_fail(done.get_future().get())), "invalid_command");
}

TEST_P(SubmitTest, ClosingFinishesWhatWasSubmitted) {
  std::atomic<int> answered{0};
  for (int i = 0; i < 100; ++i) {
    ledger.submit(deposit(fmt::format("d{}", i), "alice", 1),
                  [&](Result<Answer> answer) { answered += answer.has_value(); });
  }
  reopen();
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(available(ledger, "alice"), 100'100);
}

TEST_P(SubmitTest, ReadersSeeSumsThatAddUp) {
  std::atomic<bool> done{false};
  auto reader = std::async(std::launch::async, [&] {
    while (!done) {
      for (const auto& row : must(ledger.trial_balance())) {
        if (row.sum != Amount()) return fmt::format("a sum of {}", row.sum.minor());
      }
    }
    return std::string();
  });
  on_threads(4, [&](int t) {
    for (int i = 0; i < 25; ++i) {
      const auto key = fmt::format("{}:{}", t, i);
      run(ledger, hold(key, t % 2 == 0 ? "alice" : "bob", "shop", 100));
      run(ledger, i % 2 == 0 ? release({key}) : refund({key}));
    }
  });
  done = true;
  EXPECT_EQ(reader.get(), "");
  EXPECT_EQ(available(ledger, "shop"), 4 * 13 * 92);
}

}  // namespace
}  // namespace holdfast
