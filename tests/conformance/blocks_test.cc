// The caller's own code in a block: ledger.atomic, its savepoints, errors and exceptions.
#include <atomic>
#include <future>
#include <stdexcept>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class BlocksTest : public ConformanceTest {
 protected:
  std::vector<std::string> text_of_results(const Answer& answer) {
    std::vector<std::string> all;
    for (const auto& part : std::get<AtomicResult>(answer.result).results) {
      all.push_back(part ? "ok" : code_of(part.error()));
    }
    return all;
  }
};
HOLDFAST_ON_EVERY_STORE(BlocksTest);

using Texts = std::vector<std::string>;
constexpr AtomicOptions kPatient{.options = {}, .time_limit = std::chrono::minutes(1)};

Error refused(std::string message) {
  return fail(ErrorCode::aborted, std::move(message)).error();
}
Release release_of(EscrowId id) {
  Release all;
  all.escrows.add(id);
  return all;
}
Hold order(std::int64_t minor) {
  return std::get<Hold>(hold("", "alice", "shop", minor, "orders").operation);
}

TEST_P(BlocksTest, ABlockIsOneEvent) {
  const auto before = seq();
  EscrowId escrow_id;
  const auto answer = must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        escrow_id = must(transaction.hold(order(10'000), {.key = "h"}));
        auto half = release_of(escrow_id);
        half.amount = Amount(5'000);
        EXPECT_EQ(split(must(transaction.release(half, {.key = "p"}))), "EUR 1 of 5000: 250 / 150 / 4600");
        Refund rest;
        rest.escrows.add("h");
        EXPECT_EQ(must(transaction.refund(rest)).totals.at(0).amount, Amount(5'000));
        return {};
      },
      {.options = {.key = "block", .actor = "checkout"}, .time_limit = std::chrono::minutes(1)}));
  EXPECT_EQ(seq(), before + 1);
  EXPECT_EQ(text_of_results(answer), (Texts{"ok", "ok", "ok"}));
  EXPECT_EQ(escrow("h").escrow, escrow_id);
  EXPECT_EQ(status(ledger, "h"), EscrowStatus::split);
  EXPECT_EQ(must(ledger.events(Seq(before), 10)).rows.at(0).actor, "checkout");
}

TEST_P(BlocksTest, EveryCommandWorksInABlock) {
  for (const auto* key : {"a", "b", "c", "d"}) run(ledger, hold(key, "alice", "shop", 1'000, "g"));
  run(ledger, open("empty"));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        for (const auto& command :
             {open("carol"), close_account("empty"), plan("own", "0.1", "0"), deposit("d1", "carol", 500),
              withdraw("w1", "carol", 100), transfer("t1", "carol", "alice", 100),
              hold("h1", "carol", "shop", 300, "g", "own"), reschedule("a", Timestamp{5}),
              release({"a", "h1"}), refund({"b"}), freeze("c"), resolve("r1", "c", 100, 200),
              close_group("g"), reopen_group("g"),
              atomic({deposit("d2", "alice", 1), savepoint({deposit("d3", "alice", 2), freeze("none")})}),
              release_group("g")}) {
          const auto result = transaction.execute(command);
          EXPECT_TRUE(result) << op_name(command.operation) << ": " << result.error().message;
        }
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("carol"), "0+0");
  EXPECT_EQ(buckets("alice"), fmt::format("{}+0", 100'000 - 4'000 + 1'000 + 100 + 100 + 1));
  EXPECT_EQ(must(ledger.group("g")).live, 0U);
}

TEST_P(BlocksTest, AnAccountOpenedInABlockTakesADeposit) {
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(open("carol")));
        must(transaction.execute(deposit("d", "carol", 500)));
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("carol"), "500+0");
  EXPECT_EQ(buckets("external:EUR"), "-200500+0");
}

TEST_P(BlocksTest, AnErrorLeavesNothing) {
  const auto before = contents(ledger);
  const auto error = must_fail(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    must(transaction.hold(order(10'000), {.key = "h"}));
    must(transaction.execute(open("carol")));
    return std::unexpected(refused("the cart was emptied"));
  }));
  EXPECT_EQ(code_of(error), "aborted");
  EXPECT_EQ(error.message, "the cart was emptied");
  EXPECT_EQ(contents(ledger), before);
  EXPECT_FALSE(run(ledger, hold("h", "alice", "shop", 1)).replayed) << "its key stayed free";
}

TEST_P(BlocksTest, AnExceptionPassesOnAndLeavesNothing) {
  const auto before = contents(ledger);
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
  EXPECT_EQ(contents(ledger), before);
  for (int i = 0; i < 5; ++i) {
    EXPECT_THROW(throws(), std::out_of_range);
    run(ledger, deposit(fmt::format("goes:on:{}", i), "alice", 1));
  }
}

TEST_P(BlocksTest, AnExceptionCaughtInTheBlockRollsBackItsSavepointOnly) {
  const auto answer = must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.hold(order(100), {.key = "kept"}));
        try {
          (void)transaction.savepoint([&]() -> Result<void> {
            must(transaction.hold(order(200), {.key = "gone"}));
            throw std::runtime_error("sold out");
          });
        } catch (const std::runtime_error&) {
        }
        must(transaction.hold(order(400), {.key = "gone"}));
        return {};
      },
      kPatient));
  EXPECT_EQ(text_of_results(answer), (Texts{"ok", "aborted", "ok"}));
  EXPECT_EQ(buckets("alice"), "99500+500");
  EXPECT_EQ(escrow("gone").amount, Amount(400));
}

TEST_P(BlocksTest, ARejectedCommandLeavesTheRestToGoOn) {
  must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    EXPECT_EQ(code_of(must_fail(transaction.hold(order(100'001), {.key = "too:much"}))),
              "insufficient_funds");
    EXPECT_EQ(code_of(must_fail(transaction.execute(freeze("none")))), "escrow_not_found");
    EXPECT_EQ(code_of(must_fail(transaction.execute(open("a b")))), "invalid_command");
    must(transaction.hold(order(100'000), {.key = "all"}));
    return {};
  }));
  EXPECT_EQ(buckets("alice"), "0+100000");
}

TEST_P(BlocksTest, SavepointsNestAndRollBackAlone) {
  const auto answer = must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.hold(order(1'000), {.key = "kept"}));
        const auto outer = transaction.savepoint([&]() -> Result<void> {
          must(transaction.hold(order(2'000), {.key = "again"}));
          must(transaction.savepoint([&]() -> Result<void> {
            must(transaction.execute(open("carol")));
            must(transaction.execute(deposit("d", "carol", 70)));
            return {};
          }));
          return std::unexpected(refused("sold out"));
        });
        EXPECT_EQ(must_fail(outer).message, "sold out");
        EXPECT_EQ(code_of(must_fail(transaction.execute(deposit("d", "carol", 70)))), "account_not_found");
        must(transaction.hold(order(3'000), {.key = "again"}));
        must(transaction.savepoint([&]() -> Result<void> {
          must(transaction.hold(order(4'000), {.key = "inner"}));
          const auto lost = transaction.savepoint([&]() -> Result<void> {
            must(transaction.hold(order(5'000), {.key = "lost"}));
            return std::unexpected(refused("no"));
          });
          EXPECT_FALSE(lost);
          return {};
        }));
        return {};
      },
      kPatient));
  EXPECT_EQ(text_of_results(answer), (Texts{"ok", "aborted", "ok", "ok"}));
  EXPECT_EQ(buckets("alice"), "92000+8000");
  EXPECT_EQ(escrow("again").amount, Amount(3'000));
  EXPECT_EQ(code_of(must_fail(ledger.escrow(ref("lost")))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.account("carol"))), "account_not_found");
}

// Rows that are loaded while a savepoint is open are still needed once it was rolled back.
TEST_P(BlocksTest, WhatWasFirstTouchedInARolledBackSavepointIsTouchedAgain) {
  for (int i = 0; i < 6; ++i) run(ledger, hold(fmt::format("h{}", i), "bob", "shop", 1'000, "g"));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        for (int i = 0; i < 6; ++i) {
          const auto key = fmt::format("h{}", i);
          const auto lost = transaction.savepoint([&]() -> Result<void> {
            must(transaction.execute(i % 2 == 0 ? release({key}) : refund({key})));
            must(transaction.execute(deposit(fmt::format("d{}", i), "bob", 7)));
            must(transaction.execute(open(fmt::format("new{}", i))));
            must(transaction.execute(plan(fmt::format("plan{}", i), "0.1", "0.1")));
            must(transaction.execute(
                hold(fmt::format("x{}", i), "bob", "shop", 5, fmt::format("group{}", i))));
            return std::unexpected(refused("no"));
          });
          EXPECT_FALSE(lost);
          must(transaction.execute(i % 2 == 0 ? refund({key}) : release({key})));
          must(transaction.execute(open(fmt::format("new{}", i), AccountKind::beneficiary)));
          must(transaction.execute(plan(fmt::format("plan{}", i), "0.2", "0.2")));
          must(transaction.execute(hold(fmt::format("x{}", i), "bob", "shop", 6, fmt::format("group{}", i))));
        }
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("bob"), fmt::format("{}+36", 100'000 - 3'000 - 36));
  EXPECT_EQ(buckets("shop"), fmt::format("{}+0", 3 * 920));
  EXPECT_EQ(buckets("platform:commission"), "150+0");
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(must(ledger.account(fmt::format("new{}", i))).kind, AccountKind::beneficiary);
    EXPECT_EQ(must(ledger.group(fmt::format("group{}", i))).escrows, 1U);
  }
}

// What is taken back was changed before a hundred other rows were loaded and made.
TEST_P(BlocksTest, ASavepointOfManyRowsIsTakenBackWhole) {
  constexpr int kEscrows = 60;
  for (int i = 0; i < kEscrows; ++i) run(ledger, hold(fmt::format("h{}", i), "alice", "shop", 100, "g"));
  run(ledger, freeze("h1"));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        const auto lost = transaction.savepoint([&]() -> Result<void> {
          must(transaction.execute(freeze("h0")));
          must(transaction.execute(resolve("r", "h1", 10, 20)));
          for (int i = 2; i < kEscrows; ++i) {
            must(transaction.execute(hold(fmt::format("n{}", i), "bob", "shop", 50, fmt::format("g{}", i))));
            must(transaction.execute(refund_part(fmt::format("p{}", i), fmt::format("h{}", i), 30)));
          }
          return std::unexpected(refused("no"));
        });
        EXPECT_FALSE(lost);
        must(transaction.execute(deposit("d", "bob", 1)));
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("alice"), fmt::format("{}+{}", 100'000 - kEscrows * 100, kEscrows * 100));
  EXPECT_EQ(buckets("bob"), "100001+0");
  EXPECT_EQ(status(ledger, "h0"), EscrowStatus::locked);
  EXPECT_EQ(escrow("h1").locked, Amount(100));
  EXPECT_EQ(split(settle(ledger, release_group("g"))), "EUR 59 of 5900: 295 / 177 / 5428");
}

TEST_P(BlocksTest, ReadsOfOneGroupAgainAfterARolledBackRelease) {
  for (int i = 0; i < 10; ++i) run(ledger, hold(fmt::format("h{}", i), "alice", "shop", 100, "g"));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        const auto lost = transaction.savepoint([&]() -> Result<void> {
          EXPECT_EQ(std::get<Settlement>(must(transaction.execute(release_group("g")))).totals.at(0).escrows,
                    10U);
          return std::unexpected(refused("no"));
        });
        EXPECT_FALSE(lost);
        must(transaction.execute(hold("h10", "alice", "shop", 100, "g")));
        EXPECT_EQ(std::get<Settlement>(must(transaction.execute(refund_group("g")))).totals.at(0).escrows,
                  11U);
        EXPECT_TRUE(std::get<Settlement>(must(transaction.execute(release_group("g")))).totals.empty());
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("alice"), "100000+0");
}

TEST_P(BlocksTest, PastItsTimeLimitABlockIsAborted) {
  const auto before = contents(ledger);
  const auto error = must_fail(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        while (transaction.execute(open("alice"))) {
        }
        EXPECT_EQ(code_of(must_fail(transaction.hold(order(1'000), {.key = "late"}))), "aborted");
        return {};
      },
      {.options = {}, .time_limit = std::chrono::milliseconds(50)}));
  EXPECT_EQ(code_of(error), "aborted");
  EXPECT_NE(error.message.find("50 ms"), std::string::npos) << error.message;
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(BlocksTest, TheKeyOfABlockReplaysWithoutRunningIt) {
  int runs = 0;
  const auto block = [&](Transaction& transaction) -> Result<void> {
    ++runs;
    must(transaction.hold(order(1'000), {.key = "h"}));
    return {};
  };
  AtomicOptions options{.options = {.key = "block", .reference = "cart:1"},
                        .time_limit = std::chrono::minutes(1)};
  const auto first = must(ledger.atomic(block, options));
  const auto again = must(ledger.atomic(block, options));
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.event_id, first.event_id);
  options.options.reference = "cart:2";
  EXPECT_EQ(code_of(must_fail(ledger.atomic(block, options))), "idempotency_conflict");
  EXPECT_EQ(runs, 1);
  EXPECT_TRUE(run(ledger, hold("h", "alice", "shop", 1'000, "orders")).replayed);
}

TEST_P(BlocksTest, KeysTakenBeforeAndInTheBlockAreReplayedInIt) {
  run(ledger, deposit("before", "alice", 5));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(deposit("before", "alice", 5)));
        must(transaction.execute(deposit("within", "alice", 7)));
        must(transaction.execute(deposit("within", "alice", 7)));
        EXPECT_EQ(code_of(must_fail(transaction.execute(deposit("within", "alice", 8)))),
                  "idempotency_conflict");
        return {};
      },
      kPatient));
  EXPECT_EQ(available(ledger, "alice"), 100'012);
}

TEST_P(BlocksTest, ABlockThatDoesNothingIsNoEvent) {
  const auto before = contents(ledger);
  const auto answer = must(ledger.atomic([](Transaction&) -> Result<void> { return {}; }));
  EXPECT_FALSE(answer.event_id);
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(BlocksTest, BlocksOfManyThreadsNeverLoseAnUpdate) {
  constexpr int kThreads = 6;
  constexpr int kBlocks = 10;
  std::vector<std::future<void>> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.push_back(std::async(std::launch::async, [&, t] {
      for (int i = 0; i < kBlocks; ++i) {
        // A conflict with another block is `busy`: the caller's own code is not run twice for him.
        while (true) {
          const auto done = ledger.atomic(
              [&](Transaction& transaction) -> Result<void> {
                auto id = transaction.hold(order(100), {.key = fmt::format("{}:{}", t, i)});
                if (!id) return std::unexpected(id.error());
                if (auto out = transaction.release(release_of(*id)); !out)
                  return std::unexpected(out.error());
                return {};
              },
              kPatient);
          if (done) break;
          ASSERT_EQ(code_of(done.error()), "busy") << done.error().message;
        }
      }
    }));
  }
  for (auto& thread : threads) thread.get();
  EXPECT_EQ(available(ledger, "platform:commission"), kThreads * kBlocks * 5);
  EXPECT_EQ(available(ledger, "alice"), 100'000 - kThreads * kBlocks * 100);
}

// What a block pays into an account that it only names later is in that account.
TEST_P(BlocksTest, AnAccountHasWhatTheBlockPaidBeforeItNamedIt) {
  run(ledger, open("seller", AccountKind::beneficiary));
  run(ledger, hold("h", "alice", "seller", 1'000));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(release({"h"})));
        EXPECT_EQ(must_fail(transaction.execute(withdraw("w1", "seller", 921))).code,
                  ErrorCode::insufficient_funds);
        must(transaction.execute(withdraw("w2", "seller", 900)));
        EXPECT_EQ(must_fail(transaction.execute(close_account("seller"))).code, ErrorCode::account_not_empty);
        must(transaction.execute(withdraw("w3", "seller", 20)));
        must(transaction.execute(close_account("seller")));
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("seller"), "0+0");
  EXPECT_FALSE(must(ledger.account("seller")).open);
}

TEST_P(BlocksTest, AnAccountThatTheBlockPaidIsNotClosed) {
  run(ledger, open("seller", AccountKind::beneficiary));
  run(ledger, hold("h", "alice", "seller", 1'000));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(release({"h"})));
        EXPECT_EQ(must_fail(transaction.execute(close_account("seller"))).code, ErrorCode::account_not_empty);
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("seller"), "920+0");
}

// Its plan has a newer version by then, and no escrow is left under the old one.
TEST_P(BlocksTest, AFeeAccountThatTheBlockPaidIsNotClosed) {
  run(ledger, open("old", AccountKind::platform));
  auto old = plan("own", "0.1", "0");
  std::get<DefineFeePlan>(old.operation).commission.to = "old";
  run(ledger, old);
  run(ledger, hold("h", "alice", "shop", 1'000, "", "own"));
  run(ledger, plan("own", "0.1", "0"));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(release({"h"})));
        EXPECT_EQ(must_fail(transaction.execute(close_account("old"))).code, ErrorCode::account_not_empty);
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("old"), "100+0");
  EXPECT_TRUE(must(ledger.account("old")).open);
}

TEST_P(BlocksTest, APayerWhoseEscrowsTheBlockSettledIsClosed) {
  run(ledger, open("carol"));
  run(ledger, deposit("d", "carol", 1'500));
  run(ledger, hold("h1", "carol", "shop", 1'000));
  run(ledger, hold("h2", "carol", "shop", 500));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        must(transaction.execute(release({"h1"})));
        must(transaction.execute(refund({"h2"})));
        EXPECT_EQ(must_fail(transaction.execute(close_account("carol"))).code, ErrorCode::account_not_empty);
        must(transaction.execute(withdraw("w", "carol", 500)));
        must(transaction.execute(close_account("carol")));
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("carol"), "0+0");
}

// The account is named first inside a part that is taken back, with the release that paid it.
TEST_P(BlocksTest, WhatIsTakenBackIsNotInAnAccountThatWasNamedMeanwhile) {
  run(ledger, open("seller", AccountKind::beneficiary));
  run(ledger, hold("h", "alice", "seller", 1'000));
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        const auto part = transaction.savepoint([&]() -> Result<void> {
          must(transaction.execute(release({"h"})));
          EXPECT_EQ(must_fail(transaction.execute(close_account("seller"))).code,
                    ErrorCode::account_not_empty);
          return std::unexpected(refused("not so"));
        });
        EXPECT_FALSE(part);
        EXPECT_EQ(must_fail(transaction.execute(withdraw("w", "seller", 1))).code,
                  ErrorCode::insufficient_funds);
        EXPECT_EQ(must_fail(transaction.execute(close_account("seller"))).code, ErrorCode::account_in_use);
        must(transaction.execute(refund({"h"})));
        must(transaction.execute(close_account("seller")));
        return {};
      },
      kPatient));
  EXPECT_EQ(buckets("alice"), "100000+0");
  EXPECT_EQ(buckets("seller"), "0+0");
}

// The event says that a part failed, so on PostgreSQL it looks again at what can have come meanwhile: not at
// what it did itself.
TEST_P(BlocksTest, APlanIsDefinedAnewAndTheAccountThatItPaidIsClosed) {
  run(ledger, open("old", AccountKind::platform));
  const auto paying = [](const std::string& to) {
    auto command = plan("own", "0.1", "0");
    std::get<DefineFeePlan>(command.operation).commission.to = to;
    return command;
  };
  run(ledger, paying("old"));
  EXPECT_EQ(code_of(must_fail(ledger.execute(close_account("old")))), "account_in_use");
  const auto commands = {savepoint({freeze("none")}), paying("platform:commission"), close_account("old")};
  must(ledger.atomic(
      [&](Transaction& transaction) -> Result<void> {
        for (const auto& command : commands) std::ignore = transaction.execute(command);
        return {};
      },
      kPatient));
  EXPECT_FALSE(must(ledger.account("old")).open);
  run(ledger, open("older", AccountKind::platform));
  run(ledger, paying("older"));
  run(ledger, atomic({savepoint({freeze("none")}), paying("platform:commission"), close_account("older")}));
  EXPECT_FALSE(must(ledger.account("older")).open);
}

}  // namespace
}  // namespace holdfast
