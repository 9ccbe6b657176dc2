// Mistakes that escrow code and other ledgers made, each shown not to be made here. Those that need threads,
// a disk or a parser are in the suites of those.
#include <fmt/core.h>

#include "ledger/testing/book.h"

namespace holdfast {
namespace {

using namespace testing;

using Mistakes = Market;

// ---- of a service that released escrows in batches

TEST_F(Mistakes, OnlyTheCommissionIsBooked) {
  book.accept(hold("h", "alice", "shop", 10'000));
  book.accept(release({"h"}));
  EXPECT_EQ(book.available("shop") + book.available("platform:commission") + book.available("processor:fees"),
            10'000);
}

TEST_F(Mistakes, EscrowReleasedMeanwhileIsNotReleasedAgain) {
  book.accept(hold("h", "alice", "shop", 10'000));
  book.accept(release({"h"}));
  EXPECT_EQ(book.reject(release({"h"})).code, ErrorCode::escrow_not_locked);
  EXPECT_EQ(book.available("shop"), 9'200);
}

TEST_F(Mistakes, EscrowRefundedMeanwhileIsNotReleased) {
  book.accept(hold("h", "alice", "shop", 10'000));
  book.accept(refund({"h"}));
  EXPECT_EQ(book.reject(release({"h"})).code, ErrorCode::escrow_not_locked);
  EXPECT_EQ(book.available("shop"), 0);
}

TEST_F(Mistakes, TotalsAreOfWhatWasReleasedNotOfWhatWasAsked) {
  book.accept(hold("a", "alice", "shop", 1'000));
  book.accept(hold("b", "alice", "shop", 2'000));
  book.accept(refund({"a"}));
  const auto result = book.settle(skip_release({"a", "b"}));
  EXPECT_EQ(totals_text(result), "EUR 1 of 2000: 100 / 60 / 1840");
  ASSERT_EQ(result.skipped.size(), 1u);
  EXPECT_EQ(result.skipped[0], (ItemError{book.id("a"), "a", ErrorCode::escrow_not_locked}));
}

TEST_F(Mistakes, AChangedRateLeavesOldEscrowsAlone) {
  book.accept(hold("h", "alice", "shop", 10'000));
  book.accept(plan("standard", "0.5", "0.03"));
  EXPECT_EQ(totals_text(book.settle(release({"h"}))), "EUR 1 of 10000: 500 / 300 / 9200");
}

TEST_F(Mistakes, ThereIsOneCommissionAccount) {
  book.accept(plan("other", "0.1", "0"));
  int commission_accounts = 0;
  for (const auto& [id, account] : book.rows.data().accounts) {
    commission_accounts += account.row.kind == AccountKind::platform;
  }
  EXPECT_EQ(commission_accounts, 1);
}

TEST_F(Mistakes, TheSameKeyWithAnotherBodyIsNoticed) {
  book.accept(deposit("k", "alice", 1'000));
  const auto error = book.reject(deposit("k", "bob", 2'000));
  EXPECT_EQ(error.code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(error.fields, (std::vector<std::string>{"account", "amount"}));
}

TEST_F(Mistakes, AReplayIsTheFirstAnswerNotAnError) {
  const auto first = book.accept(hold("k", "alice", "shop", 1'000));
  const auto again = book.accept(hold("k", "alice", "shop", 1'000));
  EXPECT_TRUE(book.replayed());
  EXPECT_EQ(std::get<HoldResult>(again), std::get<HoldResult>(first));
  EXPECT_EQ(book.held("alice"), 1'000);
}

TEST_F(Mistakes, AnUnknownKindIsNotBookedAsAnotherOne) {
  EXPECT_EQ(book.reject(open("x", static_cast<AccountKind>(9))).code, ErrorCode::invalid_command);
}

// ---- of other ledgers

TEST_F(Mistakes, OfTwoCommitsOfOneHoldOneSucceeds) {
  book.accept(hold("h", "alice", "shop", 1'000));
  book.accept(with_key(release({"h"}), "first"));
  EXPECT_EQ(book.reject(with_key(release({"h"}), "second")).code, ErrorCode::escrow_not_locked);
}

TEST_F(Mistakes, ASecondRefundDoesNotApplyThePaymentAgain) {
  book.accept(hold("h", "alice", "shop", 1'000));
  book.accept(refund({"h"}));
  EXPECT_EQ(book.reject(refund({"h"})).code, ErrorCode::escrow_not_locked);
  EXPECT_EQ(book.available("alice"), 100'000);
}

TEST_F(Mistakes, RefundsEndWhenNothingIsLocked) {
  book.accept(hold("h", "alice", "shop", 1'000));
  for (int i = 0; i < 4; ++i) book.accept(refund_part(fmt::format("r{}", i), "h", 250));
  EXPECT_EQ(book.reject(refund_part("r5", "h", 1)).code, ErrorCode::escrow_not_locked);
  EXPECT_EQ(book.available("alice"), 100'000);
}

TEST_F(Mistakes, HoldsCountInTheFundsCheck) {
  book.accept(hold("h", "alice", "shop", 60'000));
  EXPECT_EQ(book.reject(withdraw("w", "alice", 50'000)).code, ErrorCode::insufficient_funds);
  EXPECT_EQ(book.reject(transfer("t", "alice", "bob", 50'000)).code, ErrorCode::insufficient_funds);
  EXPECT_EQ(book.reject(hold("h2", "alice", "shop", 50'000)).code, ErrorCode::insufficient_funds);
}

TEST_F(Mistakes, OneDestinationOfSeveralSourcesGetsEveryCredit) {
  book.accept(hold("a", "alice", "shop", 10'000));
  book.accept(hold("b", "bob", "shop", 10'000));
  book.accept(hold("c", "alice", "shop", 10'000));
  book.accept(release({"a", "b", "c"}));
  EXPECT_EQ(book.available("shop"), 3 * 9'200);
}

TEST_F(Mistakes, ARetriedRequestCountsOnce) {
  book.accept(deposit("k", "alice", 500));
  book.accept(deposit("k", "alice", 500));
  EXPECT_EQ(book.available("alice"), 100'500);
}

TEST_F(Mistakes, ASettledHoldIsNotReservedAnyMore) {
  book.accept(hold("h", "alice", "shop", 1'000));
  book.accept(refund({"h"}));
  EXPECT_EQ(book.held("alice"), 0);
}

TEST_F(Mistakes, ManyRefundsOnOnePairOfAccounts) {
  std::vector<Command> holds;
  std::vector<std::string> names;
  for (int i = 0; i < 50; ++i) {
    names.push_back(fmt::format("h{}", i));
    holds.push_back(hold(names.back(), "alice", "shop", 100 + i));
  }
  book.accept(atomic(std::move(holds)));
  book.accept(refund(names));
  EXPECT_EQ(book.available("alice"), 100'000);
}

TEST_F(Mistakes, TheSameDestinationTwiceInASplitLosesNoFee) {
  auto both = plan("both", "0.05", "0.03");
  auto& op = std::get<DefineFeePlan>(both.operation);
  op.commission.to = op.processor_fee.to = "house";
  book.accept(both);
  book.accept(hold("h", "alice", "shop", 10'000, "", "both"));
  book.accept(release({"h"}));
  EXPECT_EQ(book.available("house"), 800);
  EXPECT_EQ(book.available("shop"), 9'200);
}

TEST_F(Mistakes, PartsOfASplitPayOneHundredPercent) {
  book.accept(plan("parts", "0.1", "0.2"));
  book.accept(hold("h", "alice", "shop", 10'000, "", "parts"));
  EXPECT_EQ(totals_text(book.settle(release({"h"}))), "EUR 1 of 10000: 1000 / 2000 / 7000");
}

TEST_F(Mistakes, ANegativeAmountMovesNothing) {
  for (const std::int64_t amount : {std::int64_t{0}, std::int64_t{-1}, kMaxAmount.minor() + 1}) {
    EXPECT_EQ(book.reject(deposit("d", "alice", amount)).code, ErrorCode::amount_out_of_range);
    EXPECT_EQ(book.reject(hold("h", "alice", "shop", amount)).code, ErrorCode::amount_out_of_range);
  }
}

TEST_F(Mistakes, SourceIsNotDestination) {
  EXPECT_EQ(book.reject(transfer("t", "alice", "alice", 1)).code, ErrorCode::invalid_command);
  EXPECT_EQ(book.reject(hold("h", "alice", "alice", 1)).code, ErrorCode::invalid_command);
  EXPECT_EQ(book.reject(deposit("d", "alice", 1, "alice")).code, ErrorCode::invalid_command);
}

TEST_F(Mistakes, ADryRunLeavesNoWrites) {
  book.accept(dry(hold("h", "alice", "shop", 1'000, "group")));
  EXPECT_FALSE(book.recorded());  // that no row changed is checked for every command without an event
  EXPECT_FALSE(book.rows.find_group("group"));
  EXPECT_FALSE(book.rows.key_used("h"));
}

TEST_F(Mistakes, TheSameKeyTwiceInOneBatchIsARepeat) {
  const auto result = book.accept(atomic({deposit("k", "alice", 5), deposit("k", "alice", 5)}));
  EXPECT_EQ(std::get<AtomicResult>(result).results.size(), 2u);
  EXPECT_EQ(book.available("alice"), 100'005);
  const auto error = book.reject(atomic({deposit("x", "alice", 5), deposit("x", "alice", 6)}));
  EXPECT_EQ(error.code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(error.path, std::vector<std::uint32_t>{1});
}

TEST_F(Mistakes, TextBeyondAsciiInAReason) {
  auto command = deposit("k", "alice", 5);
  command.options.reason = "remboursé à 100 % — ありがとう";
  book.accept(command);
  EXPECT_EQ(book.events().back().entry.reason, command.options.reason);
  book.accept(command);
  EXPECT_TRUE(book.replayed());
}

TEST_F(Mistakes, ANameIsNoStatement) {
  EXPECT_EQ(book.reject(open("x'; DROP TABLE accounts; --")).code, ErrorCode::invalid_command);
}

}  // namespace
}  // namespace holdfast
