// What every test of the suite has: a ledger in the store under test, with alice and bob (1,000.00 EUR each),
// a shop, and the plan of 5 % and 3 %. Through the public API only. After each test all laws must hold.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "service/testing/shop.h"
#include "tests/support/stores.h"

namespace holdfast {

using namespace testing;  // NOLINT: commands in one line each

class ConformanceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  ConformanceTest() : ledger(place.open()) { stock(ledger); }
  void TearDown() override {
    wait_until_sealed(ledger);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  void reopen() {
    ledger = Ledger(nullptr);  // a directory's lock is given back first
    ledger = place.open();
  }
  [[nodiscard]] bool is_journal() const { return GetParam() == StoreKind::journal; }
  [[nodiscard]] std::uint64_t seq() {
    wait_until_sealed(ledger);
    return must(ledger.status()).seq.value();
  }
  [[nodiscard]] EscrowView escrow(std::string key) { return must(ledger.escrow(ref(std::move(key)))); }
  [[nodiscard]] Error reject(const Command& command) { return must_fail(ledger.execute(command)); }
  /// `100000+0`
  [[nodiscard]] std::string buckets(std::string_view account) {
    return fmt::format("{}+{}", available(ledger, account), held(ledger, account));
  }

  Place place{GetParam()};
  Ledger ledger;
};

/// filtered(&EscrowFilter::payer, "alice")
template <class Member, class Value>
[[nodiscard]] EscrowFilter filtered(Member EscrowFilter::* member, Value value) {
  EscrowFilter filter;
  filter.*member = std::move(value);
  return filter;
}

[[nodiscard]] inline std::string code_of(const Error& error) {
  return std::string(to_string(error.code));
}
/// `escrow_frozen 1, escrow_not_locked 2`
[[nodiscard]] inline std::string text(const std::vector<CodeCount>& counts) {
  std::string all;
  for (const auto& [code, count] : counts) {
    all += fmt::format("{}{} {}", all.empty() ? "" : ", ", to_string(code), count);
  }
  return all;
}
/// `a:escrow_frozen, 7:escrow_not_locked`: as the caller named it.
[[nodiscard]] inline std::string text(const std::vector<ItemError>& items) {
  std::string all;
  for (const auto& item : items) {
    all += fmt::format("{}{}:{}", all.empty() ? "" : ", ",
                       item.key.empty() ? std::to_string(item.escrow.value()) : item.key,
                       to_string(item.reason));
  }
  return all;
}

}  // namespace holdfast

/// Runs the suite's tests on every store.
#define HOLDFAST_ON_EVERY_STORE(suite) \
  INSTANTIATE_TEST_SUITE_P(Stores, suite, ::testing::ValuesIn(kAllStores), store_name)
