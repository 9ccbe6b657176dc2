// What a batch leaves pending until it is sealed, and how sealing goes on.
#include <gtest/gtest.h>

#include "tests/support/filled_ledger.h"

namespace holdfast::postgres {
namespace {

using namespace testing;  // NOLINT: commands in one line each

/// 300 shops, each paid by an escrow of its own, all released in one event that is not sealed.
class BatchTest : public FilledLedger {
 protected:
  void release_to_many() {
    fill();
    accept(deposit("d2", "ann", 100'000));
    std::vector<std::string> keys;
    for (int i = 0; i < kShops; ++i) {
      const auto shop = "shop:" + std::to_string(i);
      keys.push_back("k" + std::to_string(i));
      accept({open(shop, AccountKind::beneficiary), hold(keys.back(), "ann", shop, 100 + i)});
    }
    seal_all();
    auto batch = release({"e1"});
    for (const auto& key : keys) std::get<Release>(batch.operation).escrows.add(key);
    accept(batch);
  }
  /// What the shops have, by what the view says and by what one account is asked for.
  void expect_paid() {
    const std::string all =
        "select sum(available)::bigint from holdfast.account_balances where account like 'shop:%'";
    std::int64_t net = 0;
    for (int i = 0; i < kShops; ++i) {
      const auto shop = answered(queries().account("shop:" + std::to_string(i)));
      ASSERT_GT(shop.available, Amount()) << i;
      EXPECT_EQ(integer("select available from holdfast.account_balances where account = 'shop:" +
                        std::to_string(i) + "'"),
                shop.available.minor());
      net += shop.available.minor();
    }
    EXPECT_EQ(integer(all), net);
    expect_ok();
  }
  static constexpr int kShops = 300;
};

TEST_F(BatchTest, IsPendingInAFewRowsUntilItIsSealed) {
  release_to_many();
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  EXPECT_EQ(integer("select sum(cardinality(accounts))::bigint from holdfast.pending_batches"), kShops + 3);
  EXPECT_EQ(integer("select count(*) from holdfast.pending_batches"), 3);
  expect_paid();
  accept(transfer("t1", "shop:7", "ann", 98));  // a debit finds it
  EXPECT_EQ(run(transfer("t2", "shop:7", "ann", 98)).error().code, ErrorCode::insufficient_funds);
  accept(transfer("t3", "ann", "shop:7", 98));
  expect_paid();
  seal_all();
  EXPECT_EQ(integer("select count(*) from holdfast.pending_batches"), 0);
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  expect_paid();
}

// An older holdfast that still ran while the schema was migrated left a row an account.
TEST_F(BatchTest, IsSealedAsItWasLeftBefore) {
  release_to_many();
  change(
      "insert into holdfast.pending select ledger, u.account, event, u.available from "
      "holdfast.pending_batches b "
      "cross join lateral unnest(b.accounts, b.available) u(account, available)");
  change("delete from holdfast.pending_batches");
  expect_paid();
  seal_all();
  EXPECT_EQ(integer("select count(*) from holdfast.pending"), 0);
  expect_paid();
}

TEST_F(BatchTest, IsAudited) {
  release_to_many();
  change(
      "update holdfast.pending_batches set available[2] = available[2] + 1 where first_account = (select max("
      "first_account) from holdfast.pending_batches)");
  expect_found("history", "are pending for account shop:");
  change("delete from holdfast.pending_batches");
  expect_found("history", "nothing is pending for account");
}

class RoundsOfSealing : public FilledLedger {};

// One who seals round after round stops looking at what is sealed, and misses nothing that was drawn before.
TEST_F(RoundsOfSealing, GoOnFromWhatIsSealed) {
  fill();
  SealedThrough through;
  const auto round = [&] {
    const auto sealed = seal(*session_, ledger_, through);
    EXPECT_TRUE(sealed) << sealed.error().message;
    return sealed ? sealed->events : 0;
  };
  const auto give = [&](int number) { accept(deposit("x" + std::to_string(number), "ann", 1)); };
  const auto all = [&] { return integer("select count(*) from holdfast.unsealed") == 0; };
  EXPECT_GT(round(), 0U);
  // A transaction that drew its number stays open while others come and are sealed.
  const auto other = session_to(url_);
  Attempt open_still(*other, ledger_, plans_, workspace_);
  ASSERT_TRUE(other->run(std::array{Statement{"begin"}}));
  const auto late = deposit("late", "ann", 1);
  const auto* one = &late;
  ASSERT_TRUE(open_still.run_inside(std::span(&one, 1)));
  const auto drawn = integer("select last_value from holdfast.events_of_" + std::to_string(ledger_.number));
  for (int i = 0; i < 5; ++i) {
    give(i);
    EXPECT_EQ(round(), 1U);
    EXPECT_LT(through.id, drawn);
  }
  ASSERT_TRUE(other->run(std::array{Statement{"commit"}}));
  EXPECT_FALSE(all());
  EXPECT_EQ(round(), 1U);
  EXPECT_TRUE(all());
  for (int i = 5; i < 10; ++i) {
    give(i);
    EXPECT_EQ(round(), 1U);
  }
  EXPECT_GT(through.id, drawn);
  // Another seals: then nothing is taken for known.
  give(10);
  seal_all();
  give(11);
  EXPECT_EQ(round(), 1U);
  EXPECT_EQ(through.id, 0);
  EXPECT_TRUE(all());
  expect_ok();
}

}  // namespace
}  // namespace holdfast::postgres
