// A ledger in PostgreSQL that is filled with commands, for tests of what is read from it.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ledger/testing/commands.h"
#include "postgres/libpq_session.h"
#include "postgres/queries.h"
#include "postgres/schema.h"
#include "postgres/sealer.h"
#include "postgres/transaction.h"
#include "tests/support/postgres_server.h"

namespace holdfast::postgres::testing {

using namespace holdfast::testing;  // NOLINT: commands in one line each

inline std::unique_ptr<Session> session_to(const std::string& url) {
  auto made = connect(url);
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

class FilledLedger : public ::testing::Test {
 protected:
  FilledLedger() {
    EXPECT_TRUE(migrate(*session_));
    ledger_ = {integer("select holdfast.create_ledger('main')"), "main"};
  }

  std::expected<ResultSets, SqlError> sql(std::string_view text) {
    return session_->run(std::array{Statement{text}});
  }
  std::int64_t integer(std::string_view text) {
    const auto results = sql(text);
    EXPECT_TRUE(results) << text << ": " << results.error().message;
    return results ? results->front()->integer(0, 0) : -1;
  }
  /// One value a row, in a line.
  std::string texts(std::string_view text) {
    const auto results = sql(text);
    EXPECT_TRUE(results) << text << ": " << results.error().message;
    std::string line;
    for (std::size_t i = 0; results && i < results->front()->rows(); ++i) {
      line += (i == 0 ? "" : " | ") + std::string(results->front()->text(i, 0));
    }
    return line;
  }
  void change(std::string_view text) {
    const auto results = sql(text);
    ASSERT_TRUE(results) << text << ": " << results.error().message;
    ASSERT_GT(results->front()->changed(), 0U) << text;
  }

  Result<StoreAnswer> run(const Command& command) {
    Attempt attempt(*session_, ledger_, plans_, workspace_);
    const auto* one = &command;
    auto outcome = attempt.run(std::span(&one, 1), std::chrono::milliseconds(5'000));
    if (!outcome) return std::unexpected(to_error(outcome.error()));
    return std::move(outcome->answers.front());
  }
  void accept(const Command& command) {
    const auto answer = run(command);
    ASSERT_TRUE(answer) << answer.error().message;
  }
  void accept(const std::vector<Command>& commands) {
    for (const auto& command : commands) accept(command);
  }
  void seal_all() {
    while (true) {
      const auto sealed = seal(*session_, ledger_);
      ASSERT_TRUE(sealed) << sealed.error().message;
      if (sealed->events == 0) return;
    }
  }

  /// Accounts, a plan of 5 % and 3 %, 1,000.00 for ann, and escrows e1 to e4 of 100.00.
  void fill() {
    accept({open("ann"), open("bob", AccountKind::beneficiary), plan("standard", "0.05", "0.03"),
            deposit("d1", "ann", 100'000)});
    for (const auto* key : {"e1", "e2", "e3", "e4"}) accept(hold(key, "ann", "bob", 10'000, "spring"));
  }
  /// e1 released, e2 refunded, e3 half released and then frozen, e4 locked.
  void settle() {
    auto with_reference = release({"e1"});
    with_reference.options.reference = "order-1";
    accept({with_reference, refund({"e2"}), release_part("p1", "e3", 5'000), freeze("e3")});
  }

  Queries queries() { return {*session_, ledger_}; }
  template <class Answer>
  auto answered(Answer answer) {
    EXPECT_TRUE(answer) << answer.error().message;
    if (!answer) return typename Answer::value_type();
    return std::move(*answer);
  }

  void expect_ok() {
    const auto report = queries().audit({}, {});
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
    EXPECT_TRUE(report->ok);
  }
  /// The audit finds something against the law, and names it so.
  void expect_found(std::string_view law, std::string_view words) {
    const auto report = queries().audit({}, {});
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_FALSE(report->ok);
    for (const auto& check : report->checks) {
      if (check.law != law) continue;
      EXPECT_FALSE(check.ok);
      EXPECT_NE(check.detail.find(words), std::string::npos) << law << ": " << check.detail;
    }
  }

  const std::string url_ = shared_postgres().new_database();
  std::unique_ptr<Session> session_ = session_to(url_);
  LedgerRef ledger_;
  PlanCache plans_;
  Workspace workspace_;
};

}  // namespace holdfast::postgres::testing
