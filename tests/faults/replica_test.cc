// A streaming replica: it answers questions, refuses commands, and goes on as the ledger once it is promoted.
#include <thread>

#include "holdfast/maintenance.h"
#include "postgres/libpq_session.h"
#include "service/testing/shop.h"
#include "tests/attach/caller.h"
#include "tests/faults/keyed_load.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

class Replica : public ::testing::Test {
 protected:
  Replica() {
    OpenOptions options;
    options.create = true;
    ledger_ = must(Ledger::open(primary_.url(), options));
    stock(ledger_);
    for (int i = 0; i < 5; ++i) run(ledger_, hold(fmt::format("h{}", i), "alice", "shop", 1'000, "g"));
    run(ledger_, release({"h0"}));
  }

  /// After it the replica shows what was committed before.
  void wait_for_replica() {
    wait_until_sealed(ledger_);
    Caller there(replica_.url());
    const auto end = Caller(primary_.url()).value("select pg_current_wal_flush_lsn()");
    while (there.value("select pg_last_wal_replay_lsn() >= '" + end + "'") != "t") std::this_thread::yield();
  }
  static void expect_refused(ErrorCode code, const std::string& message) {
    EXPECT_EQ(code, ErrorCode::read_only) << message;
    EXPECT_NE(message.find("replica"), std::string::npos) << message;
    EXPECT_NE(message.find("primary"), std::string::npos) << message;
  }
  template <class T>
  static void expect_refused(const Result<T>& answer) {
    ASSERT_FALSE(answer);
    expect_refused(answer.error().code, answer.error().message);
  }

  PostgresServer primary_{PostgresOptions{.durable = false}};
  PostgresServer replica_{PostgresOptions{.durable = false, .replica_of = &primary_}};
  Ledger ledger_{nullptr};
};

TEST_F(Replica, AnswersEveryQuestion) {
  wait_for_replica();
  const auto there = must(Ledger::open(replica_.url(), {.read_only = true}));
  EXPECT_EQ(contents(there), contents(ledger_));
  EXPECT_EQ(broken_laws(there), "");
  const auto chain = verify(replica_.url());
  ASSERT_TRUE(chain) << chain.error().message;
  EXPECT_EQ(chain->head, must(ledger_.status()).head);
  EXPECT_EQ(must(there.events(Seq(3), 2)).rows.size(), 2U);
  run(ledger_, release({"h1"}));
  wait_for_replica();
  EXPECT_EQ(status(there, "h1"), EscrowStatus::released);
}

TEST_F(Replica, RefusesCommandsAndSaysWhere) {
  wait_for_replica();
  auto there = must(Ledger::open(replica_.url()));
  for (const auto& command :
       {open("new"), deposit("d", "alice", 1), hold("h", "alice", "shop", 1), release({"h2"}),
        with_key(release({"h2"}), "r"), Command(chunked<Release>("c", "g", 2)), atomic({open("new")})}) {
    SCOPED_TRACE(op_name(command.operation));
    expect_refused(there.execute(command));
  }
  expect_refused(there.execute(dry(deposit("d", "alice", 1))));
  expect_refused(there.atomic([](Transaction&) -> Result<void> { return {}; }));
  expect_refused(there.execute(deposit("deposit", "alice", 100'000)));
  expect_refused(seal(replica_.url()));
  expect_refused(migrate(replica_.url()));
  OpenOptions create;
  create.create = true;
  expect_refused(Ledger::open(replica_.url() + "&ledger=other", create));
  expect_refused(copy(primary_.url(), replica_.url() + "&ledger=other"));
  EXPECT_EQ(available(there, "alice"), 95'000) << "questions are still answered";
}

TEST_F(Replica, RefusesCommandsInACallersTransaction) {
  wait_for_replica();
  const Caller caller(replica_.url());
  auto mine = must(Ledger::attach(caller.get()));
  caller.sql("begin");
  EXPECT_EQ(must(mine.account("alice")).available, Amount(95'000));
  expect_refused(mine.execute(release({"h2"})));
  expect_refused(mine.execute(deposit("d", "alice", 1)));
  expect_refused(mine.atomic([](Transaction&) -> Result<void> { return {}; }));
  EXPECT_EQ(caller.try_sql("select 1"), "") << "the transaction goes on";
  EXPECT_EQ(must(mine.account("alice")).available, Amount(95'000));
  caller.sql("commit");
}

// The primary dies under load. What was acknowledged is at the replica, which waited for no less; commands
// that were under way are settled there.
TEST_F(Replica, GoesOnWhereThePrimaryStopped) {
  const Caller admin(primary_.url());
  admin.sql("alter system set synchronous_standby_names = '*'");
  admin.sql("select pg_reload_conf()");
  while (admin.value("select count(*) from pg_stat_replication where sync_state = 'sync'") != "1")
    std::this_thread::yield();
  const auto both =
      fmt::format("postgresql://postgres@/postgres?host={},{}&port=5432,5432&target_session_attrs=read-write",
                  primary_.directory().string(), replica_.directory().string());
  auto ledger = must(Ledger::open(both));
  KeyedLoad load(ledger, "bob");
  load.wait_for(KeyedLoad::kAll / 2);
  primary_.kill();
  replica_.promote();
  load.finish();
  load.expect_all_there(ledger);
  wait_until_sealed(ledger);
  EXPECT_EQ(broken_laws(ledger), "");
  EXPECT_TRUE(verify(replica_.url()));
}

}  // namespace
}  // namespace holdfast
