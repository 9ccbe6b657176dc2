// A shop in a database: its orders, and a ledger beside them.
#pragma once

#include <fmt/format.h>

#include <optional>

#include "tests/attach/caller.h"
#include "tests/seed_tests/shop.h"
#include "tests/support/postgres_server.h"

namespace holdfast::testing {

inline Result<Ledger> opened(const std::string& url) {
  return Ledger::open(url, {.create = true});
}

class AttachTest : public ::testing::Test {
 protected:
  AttachTest() : url_(shared_postgres().new_database()), ledger_(*opened(url_)), me_(url_), other_(url_) {
    EXPECT_TRUE(ledger_.open_account({"payer", euro(), AccountKind::user}));
    EXPECT_TRUE(ledger_.open_account({"shop", euro(), AccountKind::beneficiary}));
    EXPECT_TRUE(ledger_.define_fee_plan(standard_plan()));
    EXPECT_TRUE(ledger_.deposit({"payer", Amount(100'000), {}}, keyed("deposit")));
    EXPECT_TRUE(ledger_.execute(many_holds("g", 4, 1'000)));
    me_.sql("create table orders (number int primary key)");
    wait_until_sealed(ledger_);
  }

  /// Every row of every table of the ledger, in one snapshot.
  std::string tables() const {
    return other_.value(other_.value(
        "select 'select concat_ws(e''\\n'', ' || string_agg(format('(select string_agg(t::text, e''\\n'' "
        "order by t::text) from holdfast.%I t)', table_name), ', ' order by table_name) || ')' "
        "from information_schema.tables where table_schema = 'holdfast' and table_type = 'BASE TABLE'"));
  }
  Result<Answered<Settlement>> release(Ledger& ledger, const std::string& key) {
    Release op;
    op.escrows.add(key);
    return ledger.release(std::move(op));
  }
  static Hold hold_of(std::int64_t amount, std::string group = {}) {
    return {"payer", "shop", Amount(amount), "standard", std::move(group), {}, {}};
  }
  EscrowStatus status_of(const std::string& key) const { return ledger_.escrow({{}, key})->status; }
  void expect_lawful() {
    seal();
    const auto report = ledger_.audit();
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
  }
  /// After it what the caller committed has a seq.
  void seal() {
    EXPECT_TRUE(ledger_.deposit({"payer", Amount(1), {}}, keyed(fmt::format("seal:{}", ++seals_))));
    wait_until_sealed(ledger_);
  }

  std::string url_;
  Ledger ledger_;
  Caller me_;
  Caller other_;
  int seals_ = 0;
};

}  // namespace holdfast::testing
