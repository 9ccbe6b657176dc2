// Commands inside the caller's own transaction: what he commits, what he rolls back, and what he keeps.
#include "tests/attach/fixture.h"

namespace holdfast {
namespace {

using testing::AttachTest;
using testing::Caller;
using testing::Driver;

TEST_F(AttachTest, CommitsWithTheCallersRows) {
  auto mine = Ledger::attach(me_.get());
  ASSERT_TRUE(mine);
  me_.sql("begin; insert into orders values (1)");
  const auto held = mine->hold(hold_of(999), keyed("order:1"));
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_TRUE(held->event_id);
  EXPECT_FALSE(held->seq);
  EXPECT_EQ(mine->escrow({{}, "order:1"})->amount, Amount(999)) << "the caller sees his own";
  EXPECT_EQ(mine->account("payer")->held, Amount(4'999));
  EXPECT_FALSE(ledger_.escrow({{}, "order:1"})) << "nobody else does";
  EXPECT_EQ(ledger_.account("payer")->held, Amount(4'000));
  me_.sql("commit");
  EXPECT_EQ(ledger_.escrow({{}, "order:1"})->amount, Amount(999));
  EXPECT_EQ(other_.value("select count(*) from orders"), "1");
  seal();
  const auto history = ledger_.history({{}, "order:1"});
  ASSERT_TRUE(history);
  EXPECT_GT(history->front().seq.value(), 0U);
  expect_lawful();
}

TEST_F(AttachTest, RollsBackWithTheCallersRows) {
  const auto before = tables();
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin; insert into orders values (1)");
  ASSERT_TRUE(mine.hold(hold_of(999, "fresh"), keyed("order:1")));
  ASSERT_TRUE(release(mine, "g:0"));
  ASSERT_TRUE(mine.open_account({"new", euro(), AccountKind::user}));
  me_.sql("rollback");
  EXPECT_EQ(tables(), before);
  // What it drew is left out, and nothing else.
  ASSERT_TRUE(ledger_.hold(hold_of(999), keyed("order:1")));
  expect_lawful();
}

TEST_F(AttachTest, TheCallersSavepointTakesACommandBack) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin; savepoint mine");
  ASSERT_TRUE(release(mine, "g:0"));
  me_.sql("rollback to savepoint mine");
  EXPECT_EQ(mine.escrow({{}, "g:0"})->status, EscrowStatus::locked);
  ASSERT_TRUE(release(mine, "g:1"));
  EXPECT_EQ(me_.try_sql("select 1 / 0"), "22012");
  const auto failed = release(mine, "g:2");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::aborted);
  me_.sql("rollback to savepoint mine");
  ASSERT_TRUE(release(mine, "g:2"));
  me_.sql("commit");
  EXPECT_EQ(status_of("g:0"), EscrowStatus::locked);
  EXPECT_EQ(status_of("g:1"), EscrowStatus::locked);
  EXPECT_EQ(status_of("g:2"), EscrowStatus::released);
  expect_lawful();
}

TEST_F(AttachTest, ARejectionLeavesTheTransactionAndNoLock) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin; insert into orders values (1)");
  const auto poor = mine.hold(hold_of(1'000'000), keyed("too-much"));
  ASSERT_FALSE(poor);
  EXPECT_EQ(poor.error().code, ErrorCode::insufficient_funds);
  EXPECT_EQ(me_.value("select count(*) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"),
            "0");
  other_.sql("set lock_timeout = '1ms'; select from holdfast.accounts for update; reset lock_timeout");
  ASSERT_TRUE(mine.hold(hold_of(10), keyed("too-much"))) << "its key is free";
  me_.sql("commit");
  EXPECT_EQ(other_.value("select count(*) from orders"), "1");
  expect_lawful();
}

TEST_F(AttachTest, AKeyIsAnsweredOnceInATransactionAndAfterIt) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin");
  const auto first = mine.hold(hold_of(10), keyed("k"));
  const auto again = mine.hold(hold_of(10), keyed("k"));
  const auto other = mine.hold(hold_of(11), keyed("k"));
  me_.sql("commit");
  ASSERT_TRUE(first);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->replayed);
  EXPECT_EQ(again->result, first->result);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::idempotency_conflict);
  const auto later = ledger_.hold(hold_of(10), keyed("k"));
  ASSERT_TRUE(later);
  EXPECT_TRUE(later->replayed);
}

TEST_F(AttachTest, ADryRunChangesNothing) {
  auto mine = *Ledger::attach(me_.get());
  const auto before = tables();
  me_.sql("begin");
  const auto dry = mine.hold(hold_of(10), {.key = "k", .dry_run = true});
  ASSERT_TRUE(dry) << dry.error().message;
  EXPECT_FALSE(dry->event_id);
  EXPECT_FALSE(dry->result.escrow);
  me_.sql("commit");
  EXPECT_EQ(tables(), before);
}

TEST_F(AttachTest, AllChunksAreInTheOneTransaction) {
  auto mine = *Ledger::attach(me_.get());
  Release chunks;
  chunks.group = "g";
  chunks.mode = BatchMode::skip;
  chunks.chunk = 1;
  me_.sql("begin");
  const auto released = mine.release(chunks, keyed("chunks"));
  ASSERT_TRUE(released) << released.error().message;
  EXPECT_EQ(released->result.totals.at(0).escrows, 4U);
  EXPECT_EQ(status_of("g:0"), EscrowStatus::locked);
  me_.sql("rollback; begin");
  ASSERT_TRUE(mine.release(chunks, keyed("chunks")));
  me_.sql("commit");
  EXPECT_EQ(status_of("g:3"), EscrowStatus::released);
  expect_lawful();
}

TEST_F(AttachTest, ABlockIsOneEvent) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin; insert into orders values (1)");
  const auto done = mine.atomic(
      [&](Transaction& block) -> Result<void> {
        if (auto held = block.hold(hold_of(10), keyed("a")); !held) return std::unexpected(held.error());
        const auto undone = block.savepoint([&]() -> Result<void> {
          EXPECT_TRUE(block.hold(hold_of(20), keyed("b")));
          return fail(ErrorCode::aborted, "not this one");
        });
        EXPECT_FALSE(undone);
        return {};
      },
      {.options = keyed("block")});
  ASSERT_TRUE(done) << done.error().message;
  const auto given_up = mine.atomic([&](Transaction& block) -> Result<void> {
    EXPECT_TRUE(block.hold(hold_of(10), keyed("c")));
    return fail(ErrorCode::aborted, "given up");
  });
  EXPECT_FALSE(given_up);
  EXPECT_THROW(std::ignore = mine.atomic([&](Transaction& block) -> Result<void> {
    EXPECT_TRUE(block.hold(hold_of(10), keyed("d")));
    throw std::runtime_error("thrown");
  }),
               std::runtime_error);
  me_.sql("commit");
  EXPECT_TRUE(ledger_.escrow({{}, "a"}));
  for (const char* none : {"b", "c", "d"}) EXPECT_FALSE(ledger_.escrow({{}, none})) << none;
  expect_lawful();
}

TEST_F(AttachTest, ThePortOfAnotherDriver) {
  Driver driver(me_);
  auto mine = *Ledger::attach(driver);
  EXPECT_EQ(mine.account("payer").error().code, ErrorCode::invalid_command) << "no transaction";
  me_.sql("begin");
  Release release;
  release.escrows.add("g:0");
  release.escrows.add("g:1");
  const auto released =
      mine.release(release, {.key = "r", .actor = "test", .reason = "gel\xC3\xB6st", .reference = "x"});
  ASSERT_TRUE(released) << released.error().message;
  EXPECT_EQ(released->result.totals.at(0).net, Amount(1'840));
  EscrowFilter filter;
  filter.group = "g";
  filter.status = EscrowStatus::released;
  EXPECT_EQ(mine.escrows(filter)->rows.size(), 2U);
  EXPECT_EQ(mine.account("nobody").error().code, ErrorCode::account_not_found);
  EXPECT_TRUE(mine.statement({.account = "payer"}));
  EXPECT_TRUE(mine.events(Seq(), 10));
  EXPECT_TRUE(mine.history({{}, "g:2"}));
  EXPECT_EQ(mine.fee_plans()->size(), 1U);
  EXPECT_EQ(mine.trial_balance()->at(0).sum, Amount());
  EXPECT_TRUE(mine.status());
  EXPECT_TRUE(mine.run_due(Timestamp{}));
  EXPECT_EQ(mine.audit().error().code, ErrorCode::invalid_command);
  me_.sql("commit; begin");
  EXPECT_TRUE(
      mine.release(release, {.key = "r", .actor = "test", .reason = "gel\xC3\xB6st", .reference = "x"})
          ->replayed);
  me_.sql("rollback");
  expect_lawful();
}

TEST_F(AttachTest, AFailureAtAnyStatementLeavesEverythingLocked) {
  const auto before = tables();
  Release release;
  release.group = "g";
  release.close = true;
  std::size_t statement = 1;
  for (;; ++statement) {
    Driver driver(me_);
    auto mine = *Ledger::attach(driver);
    driver.fail_at(statement);
    me_.sql("begin; insert into orders values (1); savepoint mine");
    const auto released = mine.release(release);
    if (!driver.failed()) {
      ASSERT_TRUE(released) << released.error().message;
      me_.sql("rollback");
      break;
    }
    ASSERT_FALSE(released) << "statement " << statement;
    // As the savepoint's own error: none of ours to return to. Else the transaction goes on by itself.
    if (statement == 1) me_.sql("rollback to savepoint mine");
    EXPECT_EQ(me_.value("select count(*) from orders"), "1") << "statement " << statement;
    EXPECT_EQ(me_.value("select count(*) from holdfast.escrows where released > 0"), "0");
    me_.sql(statement % 2 == 0 ? "commit" : "rollback");
    me_.sql("delete from orders");
    ASSERT_EQ(tables(), before) << "statement " << statement;
  }
  EXPECT_GT(statement, 20U);
  expect_lawful();
}

}  // namespace
}  // namespace holdfast
