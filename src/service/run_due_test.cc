// Dates that came: each is settled once, however often and wherever it is run.
#include <gtest/gtest.h>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;

constexpr Timestamp kDay{86'400'000'000};
constexpr Timestamp kNextDay{2 * kDay.micros};

class RunDueTest : public ::testing::Test {
 protected:
  RunDueTest() : ledger(open_ledger(directory.path())) { stock(ledger); }
  void hold_until(std::string key, std::optional<Timestamp> release_at, std::optional<Timestamp> refund_at) {
    run(ledger, changed<Hold>(testing::hold(std::move(key), "alice", "shop", 1'000), [&](Hold& op) {
          op.release_at = release_at;
          op.refund_at = refund_at;
        }));
  }
  void reopen() {
    ledger = Ledger(nullptr);
    ledger = open_ledger(directory.path());
  }

  TemporaryDirectory directory;
  Ledger ledger;
};

TEST_F(RunDueTest, SettlesWhatHasComeAndNothingElse) {
  hold_until("release", kDay, {});
  hold_until("refund", {}, kDay);
  hold_until("later", kNextDay, {});
  hold_until("never", {}, {});
  const auto report = must(ledger.run_due(kDay));
  EXPECT_EQ(report.released, 1U);
  EXPECT_EQ(report.refunded, 1U);
  EXPECT_TRUE(report.failed.empty());
  EXPECT_EQ(status(ledger, "release"), EscrowStatus::released);
  EXPECT_EQ(status(ledger, "refund"), EscrowStatus::refunded);
  EXPECT_EQ(status(ledger, "later"), EscrowStatus::locked);
  EXPECT_EQ(status(ledger, "never"), EscrowStatus::locked);
  EXPECT_EQ(broken_laws(ledger), "");
}

TEST_F(RunDueTest, HappensOnceAlsoWhenRunAgainAndAfterReopening) {
  for (int i = 0; i < 50; ++i) hold_until(fmt::format("h:{}", i), kDay, {});
  reopen();
  EXPECT_EQ(must(ledger.run_due(kNextDay)).released, 50U);
  const auto after = everything(ledger);
  EXPECT_EQ(must(ledger.run_due(kNextDay)).released, 0U);
  reopen();
  EXPECT_EQ(must(ledger.run_due(kNextDay)).released, 0U);
  EXPECT_EQ(everything(ledger), after);
  EXPECT_EQ(available(ledger, "platform:commission"), 50 * 50);
}

TEST_F(RunDueTest, ADateThatIsSetAnewIsAnotherOne) {
  hold_until("h", kDay, {});
  run(ledger, reschedule("h", kNextDay));
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 0U);
  run(ledger, reschedule("h", {}, kDay));
  EXPECT_EQ(must(ledger.run_due(kDay)).refunded, 1U);
}

TEST_F(RunDueTest, FrozenOnesAreLeftAloneUntilTheyAreResolved) {
  hold_until("h", kDay, {});
  run(ledger, freeze("h"));
  const auto report = must(ledger.run_due(kNextDay));
  EXPECT_EQ(report.released, 0U);
  EXPECT_TRUE(report.failed.empty()) << "a frozen escrow is not due";
  EXPECT_EQ(status(ledger, "h"), EscrowStatus::frozen);
  run(ledger, resolve("lift", "h", 0, 0));
  EXPECT_EQ(must(ledger.run_due(kNextDay)).released, 1U);
}

TEST_F(RunDueTest, TwoThatRunAtOnceSettleEachEscrowOnce) {
  for (int i = 0; i < 60; ++i) hold_until(fmt::format("h:{}", i), kDay, {});
  // The second begins while the first one's page is under way.
  must(ledger.run_due(kDay, [&](const DueReport&) { (void)must(ledger.run_due(kDay)); }));
  EXPECT_EQ(available(ledger, "platform:commission"), 60 * 50);
  EXPECT_EQ(broken_laws(ledger), "");
}

// The key that a date takes effect under was used for something else: this escrow can never be settled by
// date.
TEST_F(RunDueTest, WhatCannotBeSettledIsReportedAndNotTriedForEver) {
  hold_until("stuck", kDay, {});
  hold_until("fine", kDay, {});
  const auto id = must(ledger.escrow({EscrowId(), "stuck"})).escrow;
  run(ledger, deposit(fmt::format("due:{}:{}", id.value(), kDay.micros), "alice", 1));
  for (int i = 0; i < 2; ++i) {
    int pages = 0;
    const auto report = must(ledger.run_due(kNextDay, [&](const DueReport&) { ++pages; }));
    EXPECT_EQ(report.released, i == 0 ? 1U : 0U);
    ASSERT_EQ(report.failed.size(), 1U);
    EXPECT_EQ(report.failed[0].first.escrow, id);
    EXPECT_EQ(report.failed[0].second.code, ErrorCode::idempotency_conflict);
    EXPECT_EQ(pages, 1);
  }
  EXPECT_EQ(status(ledger, "stuck"), EscrowStatus::locked);
  EXPECT_EQ(status(ledger, "fine"), EscrowStatus::released);
}

// What is skipped is not asked for, and does not hide what stands behind it.
TEST_F(RunDueTest, WhatIsSkippedIsLeftAlone) {
  constexpr int kSkipped = 1'500;
  run(ledger, deposit("more", "alice", 10'000'000));
  for (int i = 0; i < kSkipped; ++i) {
    Hold op = std::get<Hold>(testing::hold("", "alice", "shop", 1'000).operation);
    op.release_at = kDay;
    ledger.submit({op, {.key = fmt::format("h:{}", i)}}, [](Result<Answer>) {});
  }
  hold_until("last", kNextDay, {});
  const auto seq = must(ledger.status()).seq;
  const auto skip = [](const DueEscrow& due) { return due.at == kDay; };
  const auto report = must(ledger.run_due(kNextDay, {}, skip));
  EXPECT_EQ(report.released, 1U);
  EXPECT_TRUE(report.failed.empty());
  EXPECT_EQ(must(ledger.status()).seq, seq.next()) << "nothing else was tried";
  EXPECT_EQ(must(ledger.run_due(kNextDay)).released, static_cast<std::uint64_t>(kSkipped));
}

// More that cannot be settled than one page holds must not hide those behind them.
TEST_F(RunDueTest, ManyThatAreStuckDoNotHideTheRest) {
  constexpr int kStuck = 1'200;
  run(ledger, deposit("more", "alice", 10'000'000));
  for (int i = 0; i < kStuck; ++i) {
    Hold op = std::get<Hold>(testing::hold("", "alice", "shop", 1'000).operation);
    op.release_at = kDay;
    ledger.submit({op, {.key = fmt::format("h:{}", i)}}, [](Result<Answer>) {});
  }
  for (const auto& due : must(ledger.due(kDay, 2 * kStuck))) {
    ledger.submit(deposit(fmt::format("due:{}:{}", due.escrow.value(), kDay.micros), "alice", 1),
                  [](Result<Answer>) {});
  }
  hold_until("last", kNextDay, {});
  const auto report = must(ledger.run_due(kNextDay));
  EXPECT_EQ(report.failed.size(), static_cast<std::size_t>(kStuck));
  EXPECT_EQ(report.released, 1U);
  EXPECT_EQ(status(ledger, "last"), EscrowStatus::released);
}

}  // namespace
}  // namespace holdfast
