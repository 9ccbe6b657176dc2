// The caller's session: what it is in, what is set in it, who else waits for it.
#include <thread>

#include "tests/attach/fixture.h"

namespace holdfast {
namespace {

using testing::AttachTest;
using testing::Caller;

TEST_F(AttachTest, NoTransactionIsOpen) {
  auto mine = *Ledger::attach(me_.get());
  const auto none = release(mine, "g:0");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::invalid_command);
  EXPECT_NE(none.error().message.find("no transaction is open"), std::string::npos) << none.error().message;
  EXPECT_EQ(mine.atomic([](Transaction&) -> Result<void> { return {}; }).error().code,
            ErrorCode::invalid_command);
  EXPECT_EQ(mine.account("payer").error().code, ErrorCode::invalid_command);
}

TEST_F(AttachTest, TheTransactionHasFailed) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin");
  ASSERT_TRUE(mine.account("payer"));
  me_.try_sql("select 1 / 0");
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::aborted);
  EXPECT_EQ(PQtransactionStatus(me_.get()), PQTRANS_INERROR);
  me_.sql("rollback; begin");
  EXPECT_TRUE(release(mine, "g:0"));
  me_.sql("rollback");
}

TEST_F(AttachTest, TheConnectionIsInUse) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin");
  ASSERT_EQ(PQenterPipelineMode(me_.get()), 1);
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::invalid_command);
  ASSERT_EQ(PQexitPipelineMode(me_.get()), 1);
  ASSERT_EQ(PQsendQuery(me_.get(), "select 1"), 1);
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::invalid_command);
  while (auto* result = PQgetResult(me_.get())) PQclear(result);
  for (const int nonblocking : {1, 0}) {
    ASSERT_EQ(PQsetnonblocking(me_.get(), nonblocking), 0);
    EXPECT_TRUE(release(mine, nonblocking == 1 ? "g:0" : "g:1"));
    EXPECT_EQ(PQisnonblocking(me_.get()), nonblocking);
    EXPECT_EQ(PQpipelineStatus(me_.get()), PQ_PIPELINE_OFF);
  }
  me_.sql("rollback");
}

TEST_F(AttachTest, AConnectionThatIsLost) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin");
  ASSERT_TRUE(release(mine, "g:0"));
  other_.sql("select pg_terminate_backend(" + std::to_string(PQbackendPID(me_.get())) + ", 10000)");
  EXPECT_EQ(release(mine, "g:1").error().code, ErrorCode::storage_failed);
  EXPECT_EQ(release(mine, "g:1").error().code, ErrorCode::storage_failed);
  EXPECT_EQ(mine.atomic([](Transaction&) -> Result<void> { return {}; }).error().code,
            ErrorCode::storage_failed);
  EXPECT_EQ(status_of("g:0"), EscrowStatus::locked);
}

TEST_F(AttachTest, TheCallersSettingsAreAsBefore) {
  const auto settings = [&] {
    return me_.value(
        "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name <> "
        "'synchronous_commit'");
  };
  auto mine = *Ledger::attach(me_.get());
  me_.sql("set client_encoding = 'LATIN1'; set DateStyle = 'German'; set bytea_output = 'escape'");
  me_.sql("set search_path = orders_of_mine, public; set synchronous_commit = off; set jit = on");
  me_.sql("begin; set local random_page_cost = 3; set enable_seqscan = on; set timezone = 'Asia/Tokyo'");
  const auto before = settings();
  ASSERT_TRUE(mine.hold(hold_of(10), {.key = "umlaut", .reason = "gel\xC3\xB6st"}));
  EXPECT_EQ(settings(), before) << "accepted";
  EXPECT_EQ(me_.value("show synchronous_commit"), "on") << "until the commit";
  ASSERT_FALSE(mine.hold(hold_of(10'000'000), keyed("poor")));
  EXPECT_EQ(settings(), before) << "rejected";
  ASSERT_TRUE(mine.account("payer"));
  EXPECT_EQ(settings(), before) << "asked";
  ASSERT_TRUE(mine.atomic(
      [&](Transaction& block) -> Result<void> {
        EXPECT_TRUE(block.hold(hold_of(10), keyed("in-a-block")));
        return {};
      },
      {}));
  EXPECT_EQ(settings(), before) << "a block";
  me_.sql("commit");
  EXPECT_EQ(me_.value("show synchronous_commit"), "off");
  EXPECT_EQ(me_.value("show random_page_cost"), "4");
  EXPECT_EQ(PQclientEncoding(me_.get()), pg_char_to_encoding("LATIN1"));
  EXPECT_EQ(other_.value("select encode(reason::bytea, 'hex') from holdfast.events where reason is not null"),
            "67656cc3b67374");
  me_.sql("set synchronous_commit = remote_apply; begin");
  ASSERT_TRUE(mine.hold(hold_of(10), keyed("stronger")));
  EXPECT_EQ(me_.value("show synchronous_commit"), "remote_apply");
  me_.sql("rollback");
}

TEST_F(AttachTest, AReadOnlyTransaction) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin read only");
  EXPECT_TRUE(mine.account("payer"));
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::read_only);
  EXPECT_TRUE(mine.account("payer"));
  me_.sql("commit");
}

TEST_F(AttachTest, ARoleWithoutRights) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("create role stranger login; create role clerk in role holdfast_app");
  me_.sql("begin; set local role stranger");
  const auto expect_told = [](const auto& answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::storage_failed);
    EXPECT_NE(answer.error().message.find("permission denied"), std::string::npos) << answer.error().message;
    EXPECT_NE(answer.error().message.find("GRANT holdfast_app"), std::string::npos) << answer.error().message;
  };
  expect_told(release(mine, "g:0"));  // the first looks for the ledger
  me_.sql("reset role");
  ASSERT_TRUE(mine.account("payer"));
  me_.sql("set local role stranger");
  expect_told(release(mine, "g:0"));
  expect_told(mine.account("payer"));
  me_.sql("set local role clerk");
  EXPECT_TRUE(release(mine, "g:0")) << "the application's rights are enough";
  me_.sql("rollback");
  auto as_stranger = url_;
  expect_told(Ledger::open(as_stranger.replace(as_stranger.find("postgres@"), 8, "stranger")));
  me_.sql("drop role stranger; drop role clerk");
}

TEST_F(AttachTest, NoSuchLedger) {
  EXPECT_EQ(Ledger::attach(me_.get(), "no name").error().code, ErrorCode::invalid_command);
  EXPECT_EQ(Ledger::attach(static_cast<pg_conn*>(nullptr)).error().code, ErrorCode::invalid_command);
  auto mine = *Ledger::attach(me_.get(), "other");
  me_.sql("begin");
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::not_a_ledger);
  const Caller elsewhere(testing::shared_postgres().new_database());
  elsewhere.sql("begin");
  auto none = *Ledger::attach(elsewhere.get());
  EXPECT_EQ(release(none, "g:0").error().code, ErrorCode::not_a_ledger);
  EXPECT_EQ(elsewhere.try_sql("select 1"), "") << "its transaction goes on";
}

// The hot accounts: commission, fees, external and beneficiary are the same in all of these.
TEST_F(AttachTest, OthersDoNotWaitForABatchThatIsHeldOpen) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin");
  Release batch;
  batch.escrows.add("g:0");
  batch.escrows.add("g:1");
  ASSERT_TRUE(mine.release(batch));
  const auto others = [&] {
    EXPECT_TRUE(release(ledger_, "g:2"));
    EXPECT_TRUE(ledger_.deposit({"payer", Amount(7), {}}, keyed("meanwhile")));
    EXPECT_TRUE(ledger_.hold(hold_of(5, "g"), keyed("meanwhile:hold")));
    auto yours = *Ledger::attach(other_.get());
    other_.sql("begin; set local lock_timeout = '1ms'");
    const auto released = release(yours, "g:3");
    EXPECT_TRUE(released) << released.error().message;
    other_.sql("commit");
  };
  others();
  me_.sql("commit");
  for (const char* key : {"g:0", "g:1", "g:2", "g:3"}) EXPECT_EQ(status_of(key), EscrowStatus::released);
  expect_lawful();
}

TEST_F(AttachTest, TheCallersLockTimeoutIsKept) {
  auto mine = *Ledger::attach(me_.get());
  auto yours = *Ledger::attach(other_.get());
  me_.sql("begin");
  ASSERT_TRUE(release(mine, "g:0"));
  other_.sql("begin; set local lock_timeout = '1ms'; create temp table mark ()");
  const auto busy = release(yours, "g:0");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::busy);
  EXPECT_EQ(other_.value("select count(*) from mark"), "0") << "the transaction goes on";
  EXPECT_TRUE(release(yours, "g:1"));
  me_.sql("commit");
  EXPECT_EQ(release(yours, "g:0").error().code, ErrorCode::escrow_not_locked);
  other_.sql("commit");
  expect_lawful();
}

TEST_F(AttachTest, ADeadlockIsBusy) {
  auto mine = *Ledger::attach(me_.get());
  auto yours = *Ledger::attach(other_.get());
  me_.sql("begin; set local lock_timeout = '1min'; set local deadlock_timeout = '10ms'");
  other_.sql("begin; set local lock_timeout = '1min'; set local deadlock_timeout = '1min'");
  ASSERT_TRUE(release(mine, "g:0"));
  ASSERT_TRUE(release(yours, "g:1"));
  Result<Answered<Settlement>> second = fail(ErrorCode::aborted, "not answered");
  std::jthread waits([&] { second = release(yours, "g:0"); });
  const auto busy = release(mine, "g:1");
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::busy) << busy.error().message;
  EXPECT_EQ(me_.try_sql("select 1"), "") << "the transaction goes on";
  me_.sql("rollback");
  waits.join();
  EXPECT_TRUE(second) << second.error().message;
  other_.sql("commit");
  expect_lawful();
}

class AtLevel : public AttachTest, public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Levels, AtLevel, ::testing::Values("repeatable read", "serializable"),
                         [](const auto& level) { return std::string(level.param).substr(0, 6); });

TEST_P(AtLevel, AConflictIsBusy) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin isolation level " + std::string(GetParam()) + "; select 1");
  ASSERT_TRUE(mine.account("payer")) << "the snapshot is taken";
  ASSERT_TRUE(release(ledger_, "g:0"));
  ASSERT_TRUE(ledger_.hold(hold_of(5), keyed("taken")));
  EXPECT_EQ(release(mine, "g:0").error().code, ErrorCode::busy);
  // The payer's row was changed by that hold.
  EXPECT_EQ(mine.hold(hold_of(5), keyed("mine")).error().code, ErrorCode::busy);
  EXPECT_EQ(mine.open_account({"payer", euro(), AccountKind::beneficiary}).error().code,
            ErrorCode::account_exists);
  EXPECT_TRUE(release(mine, "g:1")) << "the transaction goes on";
  me_.sql("commit");
  expect_lawful();
}

TEST_P(AtLevel, AKeyOrNameThatWasMadeSinceTheSnapshot) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin isolation level " + std::string(GetParam()));
  ASSERT_TRUE(mine.account("payer"));
  ASSERT_TRUE(ledger_.open_account({"late", euro(), AccountKind::user}));
  ASSERT_TRUE(ledger_.deposit({"shop", Amount(5), {}}, keyed("late")));
  EXPECT_EQ(mine.open_account({"late", euro(), AccountKind::user}).error().code, ErrorCode::busy);
  EXPECT_EQ(mine.deposit({"shop", Amount(5), {}}, keyed("late")).error().code, ErrorCode::busy);
  me_.sql("commit");
  expect_lawful();
}

TEST_P(AtLevel, NothingRestsOnWhatTheSnapshotCannotShow) {
  auto mine = *Ledger::attach(me_.get());
  me_.sql("begin isolation level " + std::string(GetParam()));
  ASSERT_TRUE(mine.account("payer"));
  ASSERT_TRUE(ledger_.hold(hold_of(5), keyed("late")));
  Release absent;
  absent.mode = BatchMode::skip;
  absent.escrows.add("g:0");
  absent.escrows.add("late");
  EXPECT_EQ(mine.release(absent).error().code, ErrorCode::busy);
  Release all;
  all.group = "g";
  EXPECT_EQ(mine.release(all).error().code, ErrorCode::busy);
  EXPECT_EQ(mine.close_account({"shop"}).error().code, ErrorCode::busy);
  me_.sql("commit");
  EXPECT_EQ(status_of("g:0"), EscrowStatus::locked);
  expect_lawful();
}

}  // namespace
}  // namespace holdfast
