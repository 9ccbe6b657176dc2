// Fee plans and their versions; dates and what is due.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

constexpr Timestamp kDay{86'400'000'000};
constexpr Timestamp kNextDay{2 * kDay.micros};
constexpr Timestamp kLastTime{253'402'300'799'999'999};  // the end of the year 9999

class PlansTest : public ConformanceTest {};
HOLDFAST_ON_EVERY_STORE(PlansTest);

std::uint32_t version(const Answer& answer) {
  return std::get<PlanResult>(answer.result).version;
}

TEST_P(PlansTest, AnEscrowKeepsTheVersionItWasHeldUnder) {
  run(ledger, hold("old", "alice", "shop", 10'000));
  EXPECT_EQ(version(run(ledger, plan("standard", "0.08", "0.03"))), 2U);
  EXPECT_EQ(version(run(ledger, plan("standard", "0.08", "0.03"))), 2U) << "the same again is no new version";
  run(ledger, hold("new", "alice", "shop", 10'000));
  EXPECT_EQ(escrow("old").fee_plan_version, 1U);
  EXPECT_EQ(escrow("new").fee_plan_version, 2U);
  EXPECT_EQ(split(settle(ledger, release({"old"}))), "EUR 1 of 10000: 500 / 300 / 9200");
  EXPECT_EQ(split(settle(ledger, release({"new"}))), "EUR 1 of 10000: 800 / 300 / 8900");
  EXPECT_EQ(version(run(ledger, plan("standard", "0.05", "0.03"))), 3U) << "back is a new version too";
  const auto plans = must(ledger.fee_plans());
  ASSERT_EQ(plans.size(), 3U);
  for (std::size_t i = 0; i < plans.size(); ++i) EXPECT_EQ(plans[i].version, i + 1);
}

TEST_P(PlansTest, EveryRoundingMinimumAndMaximum) {
  struct Row {
    Rounding rounding;
    std::int64_t amount;
    const char* split;
  };
  int number = 0;
  for (const auto& [rounding, amount, expected] : {Row{Rounding::half_up, 50, "EUR 1 of 50: 3 / 0 / 47"},
                                                   Row{Rounding::half_even, 50, "EUR 1 of 50: 2 / 0 / 48"},
                                                   Row{Rounding::down, 59, "EUR 1 of 59: 2 / 0 / 57"},
                                                   Row{Rounding::up, 41, "EUR 1 of 41: 3 / 0 / 38"}}) {
    const auto name = fmt::format("r{}", ++number);
    run(ledger, changed<DefineFeePlan>(plan(name, "0.05", "0"), [&](auto& op) { op.rounding = rounding; }));
    run(ledger, hold(name, "alice", "shop", amount, "", name));
    EXPECT_EQ(split(settle(ledger, release({name}))), expected);
  }
  const auto bounded = changed<DefineFeePlan>(plan("bounded", "0.1", "0"), [](DefineFeePlan& op) {
    op.commission.fixed = Amount(10);
    op.commission.min = Amount(25);
    op.commission.max = Amount(100);
    op.processor_fee.fixed = Amount(1);
  });
  run(ledger, bounded);
  for (const auto& [amount, expected] : {std::pair(std::int64_t{100}, "EUR 1 of 100: 25 / 1 / 74"),
                                         std::pair(std::int64_t{500}, "EUR 1 of 500: 60 / 1 / 439"),
                                         std::pair(std::int64_t{5'000}, "EUR 1 of 5000: 100 / 1 / 4899")}) {
    const auto key = fmt::format("b{}", amount);
    run(ledger, hold(key, "alice", "shop", amount, "", "bounded"));
    EXPECT_EQ(split(settle(ledger, release({key}))), expected);
  }
  EXPECT_EQ(code_of(reject(hold("small", "alice", "shop", 25, "", "bounded"))), "fees_exceed_amount");
}

TEST_P(PlansTest, PaysWhomItNamesAndTheAccountCannotGo) {
  run(ledger, changed<DefineFeePlan>(plan("p", "0.1", "0.01"), [](DefineFeePlan& op) {
        op.commission.to = "partner";
        op.processor_fee.to = "partner";
      }));
  run(ledger, hold("h", "alice", "shop", 1'000, "", "p"));
  EXPECT_EQ(split(settle(ledger, release({"h"}))), "EUR 1 of 1000: 100 / 10 / 890");
  EXPECT_EQ(buckets("partner"), "110+0");
  run(ledger, transfer("t", "partner", "bob", 110));
  EXPECT_EQ(code_of(reject(close_account("partner"))), "account_in_use");
}

class DatesTest : public ConformanceTest {
 protected:
  void hold_until(std::string key, std::optional<Timestamp> release_at, std::optional<Timestamp> refund_at) {
    run(ledger, changed<Hold>(hold(std::move(key), "alice", "shop", 1'000), [&](Hold& op) {
          op.release_at = release_at;
          op.refund_at = refund_at;
        }));
  }
};
HOLDFAST_ON_EVERY_STORE(DatesTest);

TEST_P(DatesTest, WhatHasComeIsSettledOnce) {
  hold_until("release", kDay, {});
  hold_until("refund", {}, kDay);
  hold_until("later", kNextDay, {});
  hold_until("last", kLastTime, {});
  hold_until("never", {}, {});
  EXPECT_EQ(must(ledger.due(kDay, 10)).size(), 2U);
  const auto report = must(ledger.run_due(kDay));
  EXPECT_EQ(report.released, 1U);
  EXPECT_EQ(report.refunded, 1U);
  EXPECT_TRUE(report.failed.empty());
  EXPECT_EQ(status(ledger, "release"), EscrowStatus::released);
  EXPECT_EQ(status(ledger, "refund"), EscrowStatus::refunded);
  EXPECT_EQ(status(ledger, "later"), EscrowStatus::locked);
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 0U);
  reopen();
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 0U);
  EXPECT_EQ(escrow("last").release_at, kLastTime);
  EXPECT_FALSE(escrow("never").release_at);
  EXPECT_EQ(must(ledger.run_due(kLastTime)).released, 2U);
  EXPECT_TRUE(must(ledger.due(kLastTime, 10)).empty());
}

TEST_P(DatesTest, RescheduledFrozenAndPartlySettledOnes) {
  hold_until("moved", kDay, {});
  run(ledger, reschedule("moved", kNextDay));
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 0U);
  run(ledger, reschedule("moved", {}, kDay));
  EXPECT_EQ(escrow("moved").refund_at, kDay);
  EXPECT_FALSE(escrow("moved").release_at);
  EXPECT_EQ(must(ledger.run_due(kDay)).refunded, 1U);

  hold_until("frozen", kDay, {});
  run(ledger, freeze("frozen"));
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 0U);
  run(ledger, resolve("lift", "frozen", 0, 0));
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 1U);

  hold_until("part", kDay, {});
  run(ledger, release_part("p", "part", 400));
  run(ledger, reschedule("part", std::nullopt));
  EXPECT_TRUE(must(ledger.due(kDay, 10)).empty());
  run(ledger, reschedule("part", kDay));
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 1U);
  EXPECT_EQ(escrow("part").released, Amount(1'000));
}

TEST_P(DatesTest, AFrozenEscrowIsRescheduledAndDueOnceItIsFree) {
  hold_until("h", kNextDay, {});
  run(ledger, freeze("h"));
  const auto answer = ledger.execute(reschedule("h", kDay));
  EXPECT_TRUE(must(ledger.due(kNextDay, 10)).empty());
  run(ledger, resolve("lift", "h", 0, 0));
  EXPECT_EQ(must(ledger.due(kDay, 10)).size(), answer ? 1U : 0U);
}

TEST_P(DatesTest, ManyDatesAreDueInTheirOrder) {
  for (int i = 0; i < 30; ++i) hold_until(fmt::format("h{}", i), Timestamp{kDay.micros - (i * 7) % 30}, {});
  const auto first = must(ledger.due(kDay, 5));
  ASSERT_EQ(first.size(), 5U);
  for (std::size_t i = 1; i < first.size(); ++i) EXPECT_LE(first[i - 1].at, first[i].at);
  EXPECT_EQ(must(ledger.run_due(kDay)).released, 30U);
  EXPECT_EQ(available(ledger, "platform:commission"), 30 * 50);
}

TEST_P(DatesTest, WhatCannotBeSettledIsReported) {
  hold_until("stuck", kDay, {});
  hold_until("fine", kDay, {});
  const auto id = escrow("stuck").escrow;
  run(ledger, deposit(fmt::format("due:{}:{}", id.value(), kDay.micros), "alice", 1));
  const auto report = must(ledger.run_due(kDay));
  EXPECT_EQ(report.released, 1U);
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].first.escrow, id);
  EXPECT_EQ(code_of(report.failed[0].second), "idempotency_conflict");
}

}  // namespace
}  // namespace holdfast
