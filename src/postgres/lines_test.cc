#include "postgres/lines.h"

#include <gtest/gtest.h>

namespace holdfast::postgres {
namespace {

TEST(LastBalances, TellsWhatWasKeptLast) {
  LastBalances balances;
  EXPECT_FALSE(balances.find(7));
  balances.keep(7, {100, 20});
  balances.keep(7, {90, 30});
  balances.keep(8, {1, 0});
  ASSERT_TRUE(balances.find(7));
  EXPECT_EQ(balances.find(7)->available, 90);
  EXPECT_EQ(balances.find(7)->held, 30);
  EXPECT_FALSE(balances.find(9));
  EXPECT_EQ(balances.size(), 2U);
}

TEST(LastBalances, StaysBoundedAndKeepsWhatComesAgain) {
  LastBalances balances;
  const auto kept = static_cast<std::int64_t>(LastBalances::kKept);
  for (std::int64_t account = 1; account <= 4 * kept; ++account) {
    balances.keep(account, {account, 0});
    balances.keep(0, {-account, 0});  // like an account that every event credits
    ASSERT_LE(balances.size(), 2 * LastBalances::kKept);
  }
  EXPECT_EQ(balances.find(0)->available, -4 * kept);
  for (auto account = 3 * kept + 2; account <= 4 * kept; ++account) {
    ASSERT_TRUE(balances.find(account)) << account;
    ASSERT_EQ(balances.find(account)->available, account);
  }
  EXPECT_FALSE(balances.find(1));
}

// An account that went to the older half and comes again must not be found there as it was.
TEST(LastBalances, NeverTellsAnOlderBalance) {
  LastBalances balances;
  const auto kept = static_cast<std::int64_t>(LastBalances::kKept);
  balances.keep(0, {1, 0});
  for (std::int64_t account = 1; account <= kept; ++account) balances.keep(account, {account, 0});
  balances.keep(0, {2, 0});
  for (auto account = kept + 1; account <= 2 * kept; ++account) balances.keep(account, {account, 0});
  ASSERT_TRUE(balances.find(0));
  EXPECT_EQ(balances.find(0)->available, 2);
}

}  // namespace
}  // namespace holdfast::postgres
