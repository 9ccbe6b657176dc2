// The post-mortem's close released the first 1,000 escrows of a campaign and reported the totals of all.
#include <gtest/gtest.h>

#include "tests/seed_tests/machine.h"

namespace holdfast {
namespace {

class SeedClose : public ::testing::TestWithParam<testing::StoreKind> {};
INSTANTIATE_TEST_SUITE_P(Stores, SeedClose, ::testing::ValuesIn(testing::kDirectStores), testing::store_name);

constexpr int kPledges = 2'500;

void expect_closed(const Settlement& settlement) {
  ASSERT_EQ(settlement.totals.size(), 1u);
  const auto& total = settlement.totals.front();
  EXPECT_EQ(total.escrows, 2'500u);
  EXPECT_EQ(total.commission, Amount(125'000));
  EXPECT_EQ(total.processor_fee, Amount(75'000));
  EXPECT_EQ(total.net, Amount(2'297'500));
  EXPECT_EQ(total.amount, Amount(2'497'500));
  EXPECT_TRUE(settlement.skipped_count.empty());
}

TEST_P(SeedClose, ReleasesAll2500AndReportsExactlyThose) {
  Shop shop(GetParam(), kPledges * 999);
  ASSERT_TRUE(shop.ledger().execute(many_holds("campaign", kPledges, 999)).has_value());
  Release close;
  close.group = "campaign";
  close.close = true;
  const auto answer = shop.ledger().release(std::move(close), keyed("close"));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  expect_closed(answer->result);
  EXPECT_EQ(shop.available("platform:commission"), 125'000);
  EXPECT_EQ(shop.available("processor:fees"), 75'000);
  EXPECT_EQ(shop.available("shop"), 2'297'500);
  EXPECT_EQ(shop.held("payer"), 0);
  EXPECT_FALSE(shop.ledger().group("campaign")->open);
  shop.expect_lawful();
}

TEST(SeedCloseInChunks, KilledAfter1300InChunksAndRunAgainWithItsKeyEndsTheSame) {
  Release close;
  close.group = "campaign";
  close.mode = BatchMode::skip;
  close.chunk = 1'300;
  close.close = true;
  const Command command{close, keyed("close")};
  for (const bool power_cut : {false, true}) {
    Machine machine;
    machine.set_up_shop(kPledges, 999);
    const auto first = machine.execute_once(command);
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->more);
    EXPECT_EQ(std::get<Settlement>(first->answer.result).totals.front().escrows, 1'300u);
    machine.reopen(power_cut);
    const auto end = machine.execute(command);
    ASSERT_TRUE(end.has_value()) << end.error().message;
    EXPECT_FALSE(end->answer.replayed);
    expect_closed(std::get<Settlement>(end->answer.result));
    const auto again = machine.execute(command);
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->answer.replayed);
    expect_closed(std::get<Settlement>(again->answer.result));
    ASSERT_TRUE(machine.read([](const journal::State& state) {
      EXPECT_EQ(state.account(*state.find_account("shop"))->available, Amount(2'297'500));
      EXPECT_EQ(state.account(*state.find_account("payer"))->held, Amount());
    }));
  }
}

}  // namespace
}  // namespace holdfast
