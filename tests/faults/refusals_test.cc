// A table refuses a row, at once or at the commit (a full disk, a broken index, a trigger of the owner's):
// nothing of the command is left, whoever asked is told, and the ledger goes on once it can.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>

#include "postgres/libpq_session.h"
#include "service/testing/shop.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

constexpr std::array kWritten{"accounts", "groups", "fee_plan_versions", "fee_plans", "escrows", "due_dates",
                              "keys",     "events", "unsealed",          "pending"};

class RefusalFaults : public ::testing::Test {
 protected:
  RefusalFaults() {
    OpenOptions options;
    options.create = true;
    ledger_ = must(Ledger::open(url_, options));
    owner_ = must(postgres::connect(url_));
    sql("create function public.refuse() returns trigger language plpgsql as $$ begin raise exception "
        "'refused'; end $$");
    stock(ledger_);
    for (const auto* key : {"a", "b", "c"}) run(ledger_, hold(key, "alice", "shop", 1'000, "g"));
  }
  void TearDown() override {
    wait_until_sealed(ledger_);
    EXPECT_EQ(broken_laws(ledger_), "");
  }

  void sql(const std::string& text) {
    const std::array<postgres::Statement, 1> statements{{{text}}};
    const auto done = owner_->run(statements);
    ASSERT_TRUE(done) << text << ": " << done.error().message;
  }
  void refuse(const std::string& table, bool at_commit) {
    sql(fmt::format(
        "create {} trigger refuse {} insert or update on holdfast.{} {} for each row execute function "
        "public.refuse()",
        at_commit ? "constraint" : "", at_commit ? "after" : "before", table,
        at_commit ? "deferrable initially deferred" : ""));
  }
  void allow(const std::string& table) { sql(fmt::format("drop trigger refuse on holdfast.{}", table)); }

  /// Writes to every table.
  static std::vector<Command> everything_at_once() {
    return {open("carol"),
            deposit("d", "carol", 500),
            plan("standard", "0.08", "0.03"),
            changed<Hold>(hold("h", "carol", "shop", 400, "new:group"),
                          [](Hold& op) { op.release_at = Timestamp{1}; }),
            release({"a"}),
            refund_part("p", "b", 300),
            close_group("g")};
  }

  const std::string url_ = shared_postgres().new_database();
  Ledger ledger_{nullptr};
  std::unique_ptr<postgres::Session> owner_;
};

TEST_F(RefusalFaults, OfAnyTableLeaveNothingOfACommand) {
  const auto command = with_key(atomic(everything_at_once()), "all");
  const auto before = contents(ledger_);
  for (const bool at_commit : {false, true}) {
    for (const std::string table : kWritten) {
      SCOPED_TRACE(table + (at_commit ? " at the commit" : ""));
      refuse(table, at_commit);
      const auto answer = ledger_.execute(command);
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, ErrorCode::storage_failed) << answer.error().message;
      EXPECT_NE(answer.error().message.find("refused"), std::string::npos) << answer.error().message;
      allow(table);
      ASSERT_EQ(contents(ledger_), before);
    }
  }
  EXPECT_FALSE(run(ledger_, command).replayed);
}

TEST_F(RefusalFaults, OfAnyTableLeaveNothingOfABlock) {
  const auto block = [&] {
    return ledger_.atomic(
        [&](Transaction& transaction) -> Result<void> {
          for (const auto& command : everything_at_once()) {
            if (auto done = transaction.execute(command); !done) return std::unexpected(done.error());
          }
          return {};
        },
        {.options = {.key = "block"}, .time_limit = std::chrono::minutes(1)});
  };
  const auto before = contents(ledger_);
  for (const bool at_commit : {false, true}) {
    for (const std::string table : kWritten) {
      SCOPED_TRACE(table + (at_commit ? " at the commit" : ""));
      refuse(table, at_commit);
      const auto answer = block();
      EXPECT_FALSE(answer);
      allow(table);
      ASSERT_EQ(contents(ledger_), before);
    }
  }
  const auto answer = block();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_FALSE(answer->replayed);
}

TEST_F(RefusalFaults, OfWhatABatchLeavesUntilItIsSealedLeaveNothingOfTheBatch) {
  Release batch;
  for (int i = 0; i < 20; ++i) {
    const auto shop = fmt::format("shop:{}", i);
    run(ledger_, open(shop, AccountKind::beneficiary));
    run(ledger_, hold(fmt::format("k{}", i), "alice", shop, 100));
    batch.escrows.add(fmt::format("k{}", i));
  }
  const auto before = contents(ledger_);
  for (const bool at_commit : {false, true}) {
    refuse("pending_batches", at_commit);
    EXPECT_FALSE(ledger_.execute({batch, {}}));
    allow("pending_batches");
    ASSERT_EQ(contents(ledger_), before);
  }
  run(ledger_, {batch, {}});
}

TEST_F(RefusalFaults, OfOneCommandDoNotHurtThoseThatShareItsTransaction) {
  constexpr int kCommands = 60;
  refuse("groups", false);
  std::atomic<int> accepted{0};
  std::atomic<int> left{kCommands};
  std::promise<void> all;
  for (int i = 0; i < kCommands; ++i) {
    ledger_.submit(i % 20 == 7 ? hold(fmt::format("x{}", i), "alice", "shop", 10, "refused")
                               : deposit(fmt::format("d{}", i), "bob", 1),
                   [&](Result<Answer> answer) {
                     accepted += answer.has_value();
                     if (--left == 0) all.set_value();
                   });
  }
  all.get_future().get();
  allow("groups");
  EXPECT_EQ(accepted, kCommands - 3);
  EXPECT_EQ(available(ledger_, "bob"), 100'000 + kCommands - 3);
}

TEST_F(RefusalFaults, OfASealLeaveTheEventsForLater) {
  wait_until_sealed(ledger_);
  const auto last = must(ledger_.status()).seq;
  for (const std::string table : {"seals", "lines", "ledgers"}) {
    SCOPED_TRACE(table);
    const auto sealed = must(ledger_.status()).seq;
    refuse(table, table == "lines");
    run(ledger_, deposit("d" + table, "bob", 1));
    run(ledger_, withdraw("w" + table, "bob", 1));
    EXPECT_EQ(must(ledger_.status()).seq, sealed);
    EXPECT_EQ(must(ledger_.status()).unsealed, 2U);
    EXPECT_EQ(available(ledger_, "bob"), 100'000);
    EXPECT_TRUE(must(ledger_.events(sealed, 5)).rows.empty());
    allow(table);
    wait_until_sealed(ledger_);
  }
  EXPECT_EQ(must(ledger_.status()).seq.value(), last.value() + 6);
}

}  // namespace
}  // namespace holdfast
