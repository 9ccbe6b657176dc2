// The numbers that every release must come to: 5 % commission, 3 % processor fee, half up, EUR cents.
#include <fmt/core.h>

#include "ledger/testing/book.h"

namespace holdfast {
namespace {

using namespace testing;

using Numbers = Market;

// Holds in one event: what a group of thousands needs in a test.
Command holds(const std::string& prefix, const std::string& group, int count, std::int64_t minor) {
  std::vector<Command> commands;
  for (int i = 0; i < count; ++i) {
    commands.push_back(hold(fmt::format("{}:{}", prefix, i), "alice", "shop", minor, group));
  }
  return atomic(std::move(commands));
}

TEST_F(Numbers, OneReleaseOfTenThousand) {
  book.accept(hold("h", "alice", "shop", 10'000));
  EXPECT_EQ(book.available("alice"), 90'000);
  EXPECT_EQ(book.held("alice"), 10'000);
  EXPECT_EQ(totals_text(book.settle(release({"h"}))), "EUR 1 of 10000: 500 / 300 / 9200");
  EXPECT_EQ(book.available("platform:commission"), 500);
  EXPECT_EQ(book.available("processor:fees"), 300);
  EXPECT_EQ(book.available("shop"), 9'200);
  EXPECT_EQ(book.held("alice"), 0);
}

TEST_F(Numbers, SmallAmountsAndNoZeroPosting) {
  struct Case {
    std::int64_t amount;
    const char* split;
    std::size_t postings;
  };
  for (const auto& [amount, split, postings] :
       {Case{999, "50 / 30 / 919", 4}, Case{1370, "69 / 41 / 1260", 4}, Case{10, "1 / 0 / 9", 3},
        Case{9, "0 / 0 / 9", 2}}) {
    const auto key = fmt::format("h:{}", amount);
    book.accept(hold(key, "alice", "shop", amount));
    EXPECT_EQ(totals_text(book.settle(release({key}))), fmt::format("EUR 1 of {}: {}", amount, split));
    EXPECT_EQ(book.posting_count(book.events().back()), postings) << amount;
  }
}

TEST_F(Numbers, AGroupOfTwoThousandFiveHundred) {
  book.accept(deposit("more", "alice", 2'397'500));
  book.accept(holds("p", "campaign", 2'500, 999));
  const auto result =
      book.settle(changed<Release>(release_group("campaign"), [](auto& op) { op.close = true; }));
  EXPECT_EQ(totals_text(result), "EUR 2500 of 2497500: 125000 / 75000 / 2297500");
  EXPECT_EQ(book.available("shop"), 2'297'500);
  EXPECT_EQ(book.held("alice"), 0);
  EXPECT_TRUE(book.has_group("campaign", false));
}

TEST_F(Numbers, TheSameInChunksCutOffAndRunAgainWithItsKey) {
  book.accept(deposit("more", "alice", 2'397'500));
  book.accept(holds("p", "campaign", 2'500, 999));
  const auto command =
      changed<Release>(chunked<Release>("close", "campaign", 1'300), [](auto& op) { op.close = true; });
  EXPECT_EQ(totals_text(book.settle(command)), "EUR 1300 of 1298700: 65000 / 39000 / 1194700");
  EXPECT_TRUE(book.has_group("campaign", false));
  // Here the process dies. The same command goes on where it stopped, and answers for the whole.
  const auto whole = "EUR 2500 of 2497500: 125000 / 75000 / 2297500";
  EXPECT_EQ(totals_text(book.settle(command)), whole);
  EXPECT_TRUE(book.recorded());
  EXPECT_EQ(totals_text(book.settle(command)), whole);
  EXPECT_TRUE(book.replayed());
  EXPECT_EQ(book.available("platform:commission"), 125'000);
  EXPECT_EQ(book.available("processor:fees"), 75'000);
  EXPECT_EQ(book.available("shop"), 2'297'500);
}

TEST_F(Numbers, AnEscrowKeepsThePlanItWasHeldUnder) {
  book.accept(hold("old", "alice", "shop", 10'000));
  const auto defined = book.accept(plan("standard", "0.08", "0.03"));
  EXPECT_EQ(std::get<PlanResult>(defined).version, 2u);
  book.accept(hold("new", "alice", "shop", 10'000));
  EXPECT_EQ(totals_text(book.settle(release({"old"}))), "EUR 1 of 10000: 500 / 300 / 9200");
  EXPECT_EQ(totals_text(book.settle(release({"new"}))), "EUR 1 of 10000: 800 / 300 / 8900");
}

TEST_F(Numbers, APartRefundedAndTheRestReleased) {
  book.accept(hold("h", "alice", "shop", 10'000));
  EXPECT_EQ(totals_text(book.settle(refund_part("r1", "h", 2'500))), "EUR 1 of 2500: 0 / 0 / 0");
  const auto error = book.reject(refund_part("r2", "h", 7'501));
  EXPECT_EQ(error.code, ErrorCode::amount_out_of_range);
  EXPECT_NE(error.message.find("75.00 EUR locked, 75.01 EUR was asked"), std::string::npos) << error.message;
  EXPECT_EQ(totals_text(book.settle(release({"h"}))), "EUR 1 of 7500: 375 / 225 / 6900");
  EXPECT_EQ(status_of(book.escrow("h")), EscrowStatus::split);
}

TEST_F(Numbers, AFreezeResolvedInTwoParts) {
  book.accept(hold("h", "alice", "shop", 5'000));
  book.accept(freeze("h"));
  EXPECT_EQ(status_of(book.escrow("h")), EscrowStatus::frozen);
  const auto result = book.settle(resolve("r", "h", 2'000, 3'000));
  EXPECT_EQ(result.kind, Settlement::Kind::resolve);
  EXPECT_EQ(result.to_payer.minor(), 2'000);
  EXPECT_EQ(totals_text(result), "EUR 1 of 3000: 150 / 90 / 2760");
  EXPECT_EQ(book.available("alice"), 97'000);
  EXPECT_EQ(status_of(book.escrow("h")), EscrowStatus::split);
}

TEST_F(Numbers, ThreeHoldsOfHalfTheBalance) {
  book.accept(deposit("d", "carol", 10'000));
  book.accept(hold("h1", "carol", "shop", 5'000));
  book.accept(hold("h2", "carol", "shop", 5'000));
  const auto error = book.reject(hold("h3", "carol", "shop", 5'000));
  EXPECT_EQ(error.code, ErrorCode::insufficient_funds);
  EXPECT_NE(error.message.find("0.00 EUR available, 50.00 EUR needed"), std::string::npos) << error.message;
  EXPECT_EQ(book.available("carol"), 0);
}

TEST_F(Numbers, TwoGroupsOfAThousand) {
  book.accept(deposit("more", "alice", 1'900'000));
  book.accept(holds("a", "first", 1'000, 1'000));
  book.accept(holds("b", "second", 1'000, 1'000));
  book.accept(release_group("first"));
  book.accept(release_group("second"));
  EXPECT_EQ(book.available("platform:commission"), 100'000);
}

TEST_F(Numbers, PartsNeverHaveANegativeNet) {
  book.accept(hold("h", "alice", "shop", 50));
  EXPECT_EQ(totals_text(book.settle(release_part("p1", "h", 49))), "EUR 1 of 49: 2 / 1 / 46");
  EXPECT_EQ(totals_text(book.settle(release_part("p2", "h", 1))), "EUR 1 of 1: 0 / 1 / 0");
  EXPECT_EQ(status_of(book.escrow("h")), EscrowStatus::released);
}

TEST_F(Numbers, DepositsEndWhereTheCurrencyIsFull) {
  const auto most = kMaxAmount.minor();
  // 512 of the largest amount are 512 short of 2^62, and alice and bob have more than that.
  std::vector<Command> commands;
  for (int i = 0; i < 512; ++i) commands.push_back(deposit(fmt::format("big:{}", i), "carol", most));
  book.accept(atomic(std::move(commands)));
  EXPECT_GT(book.rows.currency_total(eur()), kMaxCurrencyTotal);
  const auto before = book.available("carol");
  EXPECT_EQ(book.reject(deposit("one", "alice", 1)).code, ErrorCode::overflow);
  EXPECT_EQ(book.available("carol"), before);
  EXPECT_EQ(book.available("alice"), 100'000);
  book.accept(open("yuki", AccountKind::user, currency("JPY")));
  book.accept(deposit("other", "yuki", 1));  // another currency has room
  book.accept(withdraw("out", "carol", most));
  book.accept(deposit("again", "alice", 1));
}

}  // namespace
}  // namespace holdfast
