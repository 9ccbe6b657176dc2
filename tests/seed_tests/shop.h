// A ledger with a payer who has money, a beneficiary, and the plan of 5 % and 3 %: through the public API.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "holdfast/holdfast.h"
#include "tests/support/stores.h"

namespace holdfast {

inline Currency euro() {
  return *Currency::parse("EUR");
}

inline DefineFeePlan standard_plan() {
  DefineFeePlan plan{"standard", euro(), {}, {}, Rounding::half_up};
  plan.commission.rate = *Rate::parse("0.05");
  plan.processor_fee.rate = *Rate::parse("0.03");
  return plan;
}

inline Options keyed(std::string key) {
  Options options;
  options.key = std::move(key);
  return options;
}

/// One atomic of `count` holds of `amount` in a group, with keys `<group>:0` and on.
inline Command many_holds(const std::string& group, int count, std::int64_t amount) {
  Atomic atomic;
  for (int i = 0; i < count; ++i) {
    Hold hold{"payer", "shop", Amount(amount), "standard", group, {}, {}};
    atomic.commands.push_back({std::move(hold), keyed(fmt::format("{}:{}", group, i))});
  }
  return {std::move(atomic), {}};
}

class Shop {
 public:
  Shop(testing::StoreKind store, std::int64_t deposit) : place_(store), ledger_(place_.open()) {
    EXPECT_TRUE(ledger_.open_account({"payer", euro(), AccountKind::user}).has_value());
    EXPECT_TRUE(ledger_.open_account({"shop", euro(), AccountKind::beneficiary}).has_value());
    EXPECT_TRUE(ledger_.define_fee_plan(standard_plan()).has_value());
    EXPECT_TRUE(ledger_.deposit({"payer", Amount(deposit), {}}, keyed("deposit")).has_value());
  }

  [[nodiscard]] Ledger& ledger() { return ledger_; }

  [[nodiscard]] std::int64_t available(const std::string& account) {
    const auto view = ledger_.account(account);
    EXPECT_TRUE(view.has_value());
    return view ? view->available.minor() : -1;
  }
  [[nodiscard]] std::int64_t held(const std::string& account) {
    const auto view = ledger_.account(account);
    EXPECT_TRUE(view.has_value());
    return view ? view->held.minor() : -1;
  }

  void expect_lawful() {
    testing::wait_until_sealed(ledger_);
    const auto report = ledger_.audit();
    ASSERT_TRUE(report.has_value()) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
  }

 private:
  testing::Place place_;
  Ledger ledger_;
};

}  // namespace holdfast
