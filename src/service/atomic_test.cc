// Atomic blocks of the library: all of a block is one event, or nothing of it is there.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;

class AtomicTest : public ::testing::Test {
 protected:
  AtomicTest() : ledger(open_ledger(directory.path())) { stock(ledger); }
  std::uint64_t seq() { return must(ledger.status()).seq.value(); }

  TemporaryDirectory directory;
  Ledger ledger;
};

Hold order(std::int64_t minor) {
  Hold hold;
  hold.payer = "alice";
  hold.beneficiary = "shop";
  hold.amount = Amount(minor);
  hold.fee_plan = "standard";
  return hold;
}

Error refused(std::string message) {
  return fail(ErrorCode::aborted, std::move(message)).error();
}

TEST_F(AtomicTest, ABlockIsOneEvent) {
  const auto before = seq();
  EscrowId escrow;
  const auto answer = must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        escrow = must(transaction.hold(order(10'000), {.key = "h"}));
        Release half;
        half.escrows.add(escrow);
        half.amount = Amount(5'000);
        EXPECT_EQ(split(must(transaction.release(half, {.key = "p"}))), "EUR 1 of 5000: 250 / 150 / 4600");
        Refund rest;
        rest.escrows.add(escrow);
        EXPECT_EQ(must(transaction.refund(rest)).totals.at(0).amount, Amount(5'000));
        return {};
      },
      {.options = {.key = "block", .actor = "checkout"}, .time_limit = std::chrono::minutes(1)}));
  EXPECT_EQ(seq(), before + 1);
  EXPECT_EQ(answer.seq, Seq(before + 1));
  const auto& results = std::get<AtomicResult>(answer.result).results;
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(std::get<HoldResult>(*results[0]).escrow, escrow);
  EXPECT_EQ(status(ledger, "h"), EscrowStatus::split);
  EXPECT_EQ(must(ledger.events(Seq(before), 10)).rows.at(0).actor, "checkout");
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(AtomicTest, AnErrorLeavesNothing) {
  const auto before = everything(ledger);
  const auto error = must_fail(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    must(transaction.hold(order(10'000), {.key = "h"}));
    return std::unexpected(refused("the cart was emptied"));
  }));
  EXPECT_EQ(error.code, ErrorCode::aborted);
  EXPECT_EQ(error.message, "the cart was emptied");
  EXPECT_EQ(everything(ledger), before);
  EXPECT_FALSE(run(ledger, testing::hold("h", "alice", "shop", 1)).replayed) << "its key stayed free";
}

TEST_F(AtomicTest, AnExceptionPassesOnAndLeavesNothing) {
  const auto before = everything(ledger);
  const auto throws = [&] {
    (void)ledger.atomic([&](Transaction& transaction) -> Result<void> {
      must(transaction.hold(order(10'000), {.key = "h"}));
      must(transaction.savepoint([&]() -> Result<void> {
        must(transaction.hold(order(1'000), {.key = "inner"}));
        throw std::out_of_range("of the caller");
      }));
      return {};
    });
  };
  EXPECT_THROW(throws(), std::out_of_range);
  EXPECT_EQ(everything(ledger), before);
  run(ledger, deposit("goes:on", "alice", 1));
}

TEST_F(AtomicTest, ARejectedCommandInABlockLeavesTheRestToGoOn) {
  must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    EXPECT_EQ(must_fail(transaction.hold(order(100'001), {.key = "too:much"})).code,
              ErrorCode::insufficient_funds);
    must(transaction.hold(order(100'000), {.key = "all"}));
    return {};
  }));
  EXPECT_EQ(held(ledger, "alice"), 100'000);
}

TEST_F(AtomicTest, ASavepointIsRolledBackAloneAndItsKeysAreFreeAgain) {
  const auto answer = must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    must(transaction.hold(order(1'000), {.key = "kept"}));
    const auto inner = transaction.savepoint([&]() -> Result<void> {
      must(transaction.hold(order(2'000), {.key = "again"}));
      return std::unexpected(refused("sold out"));
    });
    EXPECT_EQ(must_fail(inner).message, "sold out");
    must(transaction.hold(order(3'000), {.key = "again"}));
    must(transaction.savepoint([&]() -> Result<void> {
      must(transaction.hold(order(4'000), {.key = "inner"}));
      return {};
    }));
    return {};
  }));
  const auto& results = std::get<AtomicResult>(answer.result).results;
  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(results[0]);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().message, "sold out");
  EXPECT_TRUE(results[2]);
  ASSERT_TRUE(results[3]);
  EXPECT_EQ(std::get<AtomicResult>(*results[3]).results.size(), 1U);
  EXPECT_EQ(held(ledger, "alice"), 8'000);
  EXPECT_EQ(must(ledger.escrow({EscrowId(), "again"})).amount, Amount(3'000));
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(AtomicTest, PastItsTimeLimitABlockIsAbortedAndItsCommandsAreRefused) {
  const auto before = everything(ledger);
  std::future<void> other;
  const auto error = must_fail(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        // Decided only once this block's time is over: it waits for nothing else.
        other = std::async(std::launch::async, [&] { run(ledger, dry(deposit("d", "alice", 1))); });
        other.wait();
        EXPECT_EQ(must_fail(transaction.hold(order(1'000), {.key = "late"})).code, ErrorCode::aborted);
        EXPECT_EQ(must_fail(transaction.savepoint([&]() -> Result<void> {
                    return transaction.execute(testing::hold("later", "alice", "shop", 1))
                               ? Result<void>()
                               : std::unexpected(refused("still refused"));
                  })).message,
                  "still refused");
        return {};
      },
      {.options = {}, .time_limit = std::chrono::milliseconds(20)}));
  EXPECT_EQ(error.code, ErrorCode::aborted);
  EXPECT_NE(error.message.find("20 ms"), std::string::npos) << error.message;
  EXPECT_EQ(everything(ledger), before);
}

TEST_F(AtomicTest, TheKeyOfABlockReplaysWithoutRunningIt) {
  int runs = 0;
  const auto block = [&](Transaction& transaction) -> Result<void> {
    ++runs;
    must(transaction.hold(order(1'000), {.key = "h"}));
    return {};
  };
  const AtomicOptions options{.options = {.key = "block", .reference = "cart:1"},
                              .time_limit = std::chrono::minutes(1)};
  const auto first = must(ledger.atomic(block, options));
  const auto again = must(ledger.atomic(block, options));
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.seq, first.seq);
  const auto escrow_of = [](const Answer& answer) {
    return std::get<HoldResult>(*std::get<AtomicResult>(answer.result).results.at(0)).escrow;
  };
  EXPECT_EQ(escrow_of(again), escrow_of(first));
  auto other = options;
  other.options.reference = "cart:2";
  EXPECT_EQ(must_fail(ledger.atomic(block, other)).code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(runs, 1);
}

TEST_F(AtomicTest, CommandsOfOthersWaitMeanwhile) {
  std::atomic<bool> answered{false};
  std::promise<Result<Answer>> done;
  bool meanwhile = true;
  must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    ledger.submit(deposit("other", "bob", 1), [&](Result<Answer> answer) {
      answered = true;
      done.set_value(std::move(answer));
    });
    for (int i = 0; i < 100; ++i) must(transaction.hold(order(10), {.key = fmt::format("h:{}", i)}));
    meanwhile = answered;
    return {};
  }));
  EXPECT_FALSE(meanwhile);
  const auto answer = must(done.get_future().get());
  EXPECT_EQ(answer.seq, must(ledger.status()).seq) << "the block comes before it";
}

TEST_F(AtomicTest, BlocksOfManyThreadsNeverLoseAnUpdate) {
  constexpr int kThreads = 8;
  constexpr int kBlocks = 25;
  std::vector<std::future<void>> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.push_back(std::async(std::launch::async, [&, t] {
      for (int i = 0; i < kBlocks; ++i) {
        must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
          const auto id = must(transaction.hold(order(100), {.key = fmt::format("{}:{}", t, i)}));
          Release all;
          all.escrows.add(id);
          must(transaction.release(all));
          return {};
        }));
      }
    }));
  }
  for (auto& thread : threads) thread.get();
  EXPECT_EQ(available(ledger, "platform:commission"), kThreads * kBlocks * 5);
  EXPECT_EQ(available(ledger, "alice"), 100'000 - kThreads * kBlocks * 100);
  EXPECT_EQ(broken_laws(ledger), "");
}

}  // namespace
}  // namespace holdfast
