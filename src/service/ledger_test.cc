// Typed calls of the public library, and the numbers that a release must come to, seen through a ledger that
// is closed and opened again.
#include <gtest/gtest.h>

#include "service/testing/shop.h"
#include "tests/support/temporary_directory.h"

namespace holdfast {
namespace {

using namespace testing;

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() : ledger(open_ledger(directory.path())) { stock(ledger); }
  void reopen() {
    const auto before = everything(ledger);
    ledger = Ledger(nullptr);  // the lock is given back first
    ledger = open_ledger(directory.path());
    EXPECT_EQ(everything(ledger), before);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  TemporaryDirectory directory;
  Ledger ledger;
};

Hold order(std::int64_t minor, std::string group = {}) {
  Hold hold;
  hold.payer = "alice";
  hold.beneficiary = "shop";
  hold.amount = Amount(minor);
  hold.fee_plan = "standard";
  hold.group = std::move(group);
  return hold;
}

TEST_F(LedgerTest, TypedCallsAnswerWithTheirOwnResult) {
  const auto opened = must(ledger.open_account({"carol", eur(), AccountKind::user}));
  EXPECT_TRUE(opened.seq.has_value());
  EXPECT_FALSE(opened.replayed);
  const auto again = must(ledger.open_account({"carol", eur(), AccountKind::user}));
  EXPECT_FALSE(again.seq.has_value()) << "an account opened twice is no event";

  DefineFeePlan plan;
  plan.fee_plan = "standard";
  plan.currency = eur();
  plan.commission.rate = rate("0.08");
  plan.processor_fee.rate = rate("0.03");
  EXPECT_EQ(must(ledger.define_fee_plan(plan)).result.version, 2U);

  EXPECT_TRUE(must(ledger.transfer({"alice", "carol", Amount(5'000)}, {.key = "t"})).event_id.has_value());
  must(ledger.withdraw({"carol", Amount(1'000), {}}, {.key = "w"}));
  must(ledger.deposit({"carol", Amount(500), {}}, {.key = "d"}));
  EXPECT_EQ(available(ledger, "carol"), 4'500);

  const auto held = must(ledger.hold(order(10'000, "g"), {.key = "h"}));
  ASSERT_TRUE(held.result.escrow.has_value());
  must(ledger.reschedule({{*held.result.escrow, {}}, Timestamp{1}, {}}));
  must(ledger.freeze({{*held.result.escrow, {}}}));
  const auto resolved = must(ledger.resolve({{*held.result.escrow, {}}, Amount(2'000), Amount(3'000)},
                                            {.key = "r", .actor = "judge"}));
  EXPECT_EQ(resolved.result.kind, Settlement::Kind::resolve);
  EXPECT_EQ(resolved.result.to_payer, Amount(2'000));
  must(ledger.close_group({"g"}));
  EXPECT_EQ(must_fail(ledger.hold(order(1'000, "g"), {.key = "late"})).code, ErrorCode::group_closed);
  must(ledger.reopen_group({"g"}));

  Refund rest;
  rest.group = "g";
  EXPECT_EQ(split(must(ledger.refund(rest)).result), "EUR 1 of 5000: 0 / 0 / 0");
  must(ledger.withdraw({"carol", Amount(4'500), {}}, {.key = "all"}));
  must(ledger.close_account({"carol"}));
  EXPECT_FALSE(must(ledger.account("carol")).open);
  reopen();
}

TEST_F(LedgerTest, TheSameKeyGetsTheFirstAnswerAlsoAfterReopening) {
  const auto first = must(ledger.hold(order(10'000), {.key = "h"}));
  run(ledger, release({"h"}));
  for (int i = 0; i < 2; ++i) {
    const auto again = must(ledger.hold(order(10'000), {.key = "h"}));
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.result, first.result);
    EXPECT_EQ(again.seq, first.seq);
    EXPECT_EQ(again.at, first.at);
    const auto other = must_fail(ledger.hold(order(10'001), {.key = "h"}));
    EXPECT_EQ(other.code, ErrorCode::idempotency_conflict);
    EXPECT_EQ(other.fields, std::vector<std::string>{"amount"});
    reopen();
  }
}

TEST_F(LedgerTest, ADryRunAnswersAndLeavesNothing) {
  const auto before = everything(ledger);
  const auto answer = run(ledger, dry(testing::hold("h", "alice", "shop", 10'000)));
  EXPECT_FALSE(answer.event_id.has_value());
  EXPECT_FALSE(answer.seq.has_value());
  EXPECT_FALSE(std::get<HoldResult>(answer.result).escrow.has_value());
  EXPECT_EQ(everything(ledger), before);
  EXPECT_FALSE(must(ledger.hold(order(9'000), {.key = "h"})).replayed) << "its key stayed free";
}

TEST_F(LedgerTest, OneReleaseOfTenThousand) {
  run(ledger, testing::hold("h", "alice", "shop", 10'000));
  EXPECT_EQ(held(ledger, "alice"), 10'000);
  reopen();
  EXPECT_EQ(split(settle(ledger, release({"h"}))), "EUR 1 of 10000: 500 / 300 / 9200");
  reopen();
  EXPECT_EQ(available(ledger, "alice"), 90'000);
  EXPECT_EQ(available(ledger, "platform:commission"), 500);
  EXPECT_EQ(available(ledger, "processor:fees"), 300);
  EXPECT_EQ(available(ledger, "shop"), 9'200);
}

TEST_F(LedgerTest, SmallAmountsAndNoZeroPosting) {
  struct Case {
    std::int64_t amount;
    const char* split;
    std::size_t postings;
  };
  for (const auto& [amount, wanted, postings] :
       {Case{999, "EUR 1 of 999: 50 / 30 / 919", 4}, Case{1'370, "EUR 1 of 1370: 69 / 41 / 1260", 4},
        Case{10, "EUR 1 of 10: 1 / 0 / 9", 3}, Case{9, "EUR 1 of 9: 0 / 0 / 9", 2}}) {
    const auto key = fmt::format("h:{}", amount);
    run(ledger, testing::hold(key, "alice", "shop", amount));
    const auto answer = run(ledger, release({key}));
    EXPECT_EQ(split(std::get<Settlement>(answer.result)), wanted);
    const auto page = must(ledger.events(Seq(answer.seq->value() - 1), 1));
    ASSERT_EQ(page.rows.size(), 1U);
    EXPECT_EQ(page.rows[0].postings.size(), postings) << amount;
  }
  reopen();
}

TEST_F(LedgerTest, AnEscrowKeepsThePlanItWasHeldUnder) {
  run(ledger, testing::hold("old", "alice", "shop", 10'000));
  run(ledger, plan("standard", "0.08", "0.03"));
  run(ledger, testing::hold("new", "alice", "shop", 10'000));
  reopen();
  EXPECT_EQ(split(settle(ledger, release({"old"}))), "EUR 1 of 10000: 500 / 300 / 9200");
  EXPECT_EQ(split(settle(ledger, release({"new"}))), "EUR 1 of 10000: 800 / 300 / 8900");
}

TEST_F(LedgerTest, APartRefundedAndTheRestReleased) {
  run(ledger, testing::hold("h", "alice", "shop", 10'000));
  run(ledger, refund_part("p1", "h", 2'500));
  reopen();
  EXPECT_EQ(must_fail(ledger.execute(refund_part("p2", "h", 7'501))).code, ErrorCode::amount_out_of_range);
  EXPECT_EQ(split(settle(ledger, release({"h"}))), "EUR 1 of 7500: 375 / 225 / 6900");
  EXPECT_EQ(status(ledger, "h"), EscrowStatus::split);
  reopen();
}

TEST_F(LedgerTest, AFreezeResolvedInTwoParts) {
  run(ledger, testing::hold("h", "alice", "shop", 5'000));
  run(ledger, freeze("h"));
  reopen();
  EXPECT_EQ(must_fail(ledger.execute(release({"h"}))).code, ErrorCode::escrow_frozen);
  EXPECT_EQ(split(settle(ledger, resolve("r", "h", 2'000, 3'000))), "EUR 1 of 3000: 150 / 90 / 2760");
  reopen();
}

TEST_F(LedgerTest, PartsNeverHaveANegativeNet) {
  run(ledger, testing::hold("h", "alice", "shop", 50));
  EXPECT_EQ(split(settle(ledger, release_part("p1", "h", 49))), "EUR 1 of 49: 2 / 1 / 46");
  reopen();
  EXPECT_EQ(split(settle(ledger, release_part("p2", "h", 1))), "EUR 1 of 1: 0 / 1 / 0");
  reopen();
}

TEST_F(LedgerTest, DepositsEndWhereTheCurrencyIsFull) {
  std::vector<Command> commands;
  for (int i = 0; i < 512; ++i)
    commands.push_back(deposit(fmt::format("big:{}", i), "alice", kMaxAmount.minor()));
  run(ledger, atomic(std::move(commands)));
  reopen();
  const auto before = everything(ledger);
  EXPECT_EQ(must_fail(ledger.execute(deposit("one", "bob", 1))).code, ErrorCode::overflow);
  EXPECT_EQ(everything(ledger), before);
}

TEST_F(LedgerTest, ABadQueryNamesWhatIsWrong) {
  EXPECT_EQ(must_fail(ledger.account("nobody")).code, ErrorCode::account_not_found);
  EXPECT_EQ(must_fail(ledger.escrow({EscrowId(99), {}})).code, ErrorCode::escrow_not_found);
  EXPECT_EQ(must_fail(ledger.group("none")).code, ErrorCode::group_not_found);
  EXPECT_EQ(must_fail(ledger.accounts("", 0)).fields, std::vector<std::string>{"limit"});
  EXPECT_EQ(must_fail(ledger.events(Seq(), kMaxPage + 1)).code, ErrorCode::invalid_command);
  EscrowFilter two;
  two.group = "g";
  two.payer = "alice";
  EXPECT_EQ(must_fail(ledger.escrows(two)).code, ErrorCode::invalid_command);
}

}  // namespace
}  // namespace holdfast
