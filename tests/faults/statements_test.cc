// The post-mortem's half-done release, on PostgreSQL: every statement of a command fails once, just before it
// and just after it. Nothing of the command may be left in any table, and the same command then succeeds.
#include <gtest/gtest.h>

#include <array>

#include "postgres/libpq_session.h"
#include "postgres/schema.h"
#include "postgres/sealer.h"
#include "postgres/transaction.h"
#include "service/testing/shop.h"
#include "tests/faults/failing_session.h"
#include "tests/support/postgres_server.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each
using postgres::Attempt;

class StatementFaults : public ::testing::Test {
 protected:
  StatementFaults() {
    must(postgres::migrate(*session_));
    ledger_ = {value("select holdfast.create_ledger('main')")->integer(0, 0), "main"};
    for (const auto& command : {plan("standard", "0.05", "0.03"), open("alice"), open("bob"),
                                open("shop", AccountKind::beneficiary), deposit("fund", "alice", 100'000),
                                hold("frozen", "alice", "shop", 500), freeze("frozen")}) {
      accept(command);
    }
    for (int i = 0; i < 6; ++i) accept(hold(fmt::format("h{}", i), "alice", "shop", 1'000, "g"));
    seal_all();
    accept(hold("unsealed", "alice", "shop", 1'000, "g"));
  }

  std::unique_ptr<postgres::ResultSet> value(std::string_view sql) {
    const std::array<postgres::Statement, 1> ask{{{sql}}};
    auto rows = session_->run(ask);
    EXPECT_TRUE(rows) << sql << ": " << rows.error().message;
    return std::move(rows->front());
  }
  /// Every row of every table; what a sequence is at does not matter.
  std::string tables() {
    std::string all;
    const auto names = value(
        "select table_name::text from information_schema.tables where table_schema = 'holdfast' and "
        "table_type = 'BASE TABLE' order by 1");
    for (std::size_t i = 0; i < names->rows(); ++i) {
      const auto name = std::string(names->text(i, 0));
      const auto sql = fmt::format(
          "select count(*) || ' ' || md5(coalesce(string_agg(t::text, '|' order by t::text collate \"C\"), "
          "'')) from "
          "holdfast.{} t",
          name);
      all += fmt::format("{} {}\n", name, value(sql)->text(0, 0));
    }
    return all;
  }

  std::expected<Result<StoreAnswer>, postgres::SqlError> attempt(postgres::Session& session,
                                                                 const Command& command) {
    Attempt work(session, ledger_, plans_, workspace_);
    const auto* one = &command;
    auto outcome = work.run(std::span(&one, 1), std::chrono::milliseconds(5'000));
    if (!outcome) return std::unexpected(std::move(outcome.error()));
    return std::move(outcome->answers.front());
  }
  void accept(const Command& command) {
    const auto done = attempt(*session_, command);
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(*done) << done->error().message;
  }
  void seal_all() {
    while (true) {
      const auto sealed = postgres::seal(*session_, ledger_);
      ASSERT_TRUE(sealed) << sealed.error().message;
      if (sealed->events == 0) return;
    }
  }
  void roll_back() {
    const std::array<postgres::Statement, 1> rollback{{{"rollback"}}};
    ASSERT_TRUE(session_->run(rollback));
  }

  /// Fails at each statement, before and after it, but for after the commit.
  /// \return how many statements the command has
  std::size_t fail_everywhere(const Command& command) {
    using When = FailingSession::When;
    SCOPED_TRACE(op_name(command.operation));
    const auto before = tables();
    std::size_t n = 0;
    for (bool last = false; !last;) {
      ++n;
      for (const auto when : {When::before, When::after}) {
        FailingSession failing(*session_, n, when);
        const auto done = attempt(failing, command);
        EXPECT_TRUE(failing.failed()) << "it ends with its commit";
        EXPECT_FALSE(done) << "statement " << n;
        EXPECT_EQ(done ? "" : done.error().state, "22012");
        roll_back();
        EXPECT_EQ(tables(), before) << "after a failure at statement " << n;
        if (HasFailure()) return 0;
        last = failing.at_commit();
        if (last) break;
      }
    }
    accept(command);
    seal_all();
    EXPECT_NE(tables(), before);
    return n;
  }

  const std::string url_ = shared_postgres().new_database();
  std::unique_ptr<postgres::Session> session_ = must(postgres::connect(url_));
  postgres::LedgerRef ledger_;
  postgres::PlanCache plans_;
  Workspace workspace_;
};

TEST_F(StatementFaults, OfAReleaseLeavesAllLocked) {
  auto command = with_key(release_group("g"), "release");
  std::get<Release>(command.operation).close = true;
  EXPECT_GT(fail_everywhere(command), 10U);
}

TEST_F(StatementFaults, OfEveryCommandLeavesNothing) {
  for (const auto& command :
       {open("carol"), deposit("d", "carol", 500), withdraw("w", "alice", 5),
        transfer("t", "alice", "bob", 5), plan("standard", "0.08", "0.03"),
        hold("h", "alice", "shop", 500, "new:group"), reschedule("h", Timestamp{1}), refund({"h0", "h1"}),
        release_part("p", "h2", 300), skip_release({"h2", "h0", "none"}), freeze("h3"),
        resolve("r", "frozen", 100, 200), close_group("g"), reopen_group("g"),
        atomic({open("dora"), deposit("e", "dora", 5), hold("i", "dora", "shop", 5, "other"),
                savepoint({release({"h4"}), freeze("none")}), refund({"h4"})}),
        withdraw("out", "carol", 500), close_account("carol"), release_group("g")}) {
    fail_everywhere(command);
    if (HasFailure()) return;
  }
}

TEST_F(StatementFaults, OfAChunkLeavesWhatWasDoneBefore) {
  const auto chunk = chunked<Refund>("c", "g", 3);
  while (true) {
    fail_everywhere(chunk);  // does one chunk in the end
    if (HasFailure()) return;
    if (value("select count(*) from holdfast.escrows e join holdfast.groups g using (ledger, \"group\") "
              "where g.name = "
              "'g' and released + refunded < amount")
            ->integer(0, 0) == 0) {
      break;
    }
  }
}

TEST_F(StatementFaults, OfSealingLeavesTheChainAsItWas) {
  accept(release_group("g"));
  const auto before = tables();
  for (std::size_t n = 1;; ++n) {
    FailingSession failing(*session_, n, FailingSession::When::before);
    const auto sealed = postgres::seal(failing, ledger_);
    if (!failing.failed()) {
      EXPECT_TRUE(sealed);
      EXPECT_GT(n, 5U);
      break;
    }
    EXPECT_FALSE(sealed);
    roll_back();
    ASSERT_EQ(tables(), before) << "after a failure at statement " << n;
  }
  EXPECT_NE(tables(), before);
}

}  // namespace
}  // namespace holdfast
