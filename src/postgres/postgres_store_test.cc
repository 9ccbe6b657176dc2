// The store around its transactions: sealing behind them, and servers that go away.
#include "postgres/postgres_store.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "postgres/libpq_session.h"
#include "tests/support/postgres_server.h"

namespace holdfast::postgres {
namespace {

using std::chrono::steady_clock;

std::unique_ptr<Store> open(const std::string& url, StoreOptions options = {.create = true}) {
  auto store = open_postgres_store(url, options);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

std::unique_ptr<Session> session_at(const std::string& url) {
  auto session = connect(url);
  EXPECT_TRUE(session) << session.error().message;
  return std::move(*session);
}

void run(Session& session, std::string_view sql) {
  const std::array<Statement, 1> one{{{sql}}};
  const auto done = session.run(one);
  ASSERT_TRUE(done) << sql << ": " << done.error().message;
}

Command open_account(const std::string& name) {
  return {OpenAccount{name, Currency::parse("EUR").value(), AccountKind::user}, {}};
}

/// Asks until what it is told is so, or ten seconds have passed.
template <class Test>
bool becomes(Store& store, const Test& test) {
  const auto end = steady_clock::now() + std::chrono::seconds(10);
  while (steady_clock::now() < end) {
    const auto status = store.status();
    if (status && test(*status)) return true;
  }
  return false;
}

TEST(SealingTest, WhatWasCommittedWhileAnotherSessionSealedIsSealedAfterIt) {
  const auto url = testing::shared_postgres().new_database();
  const auto store = open(url);
  const auto other = session_at(url);
  run(*other, "begin");
  run(*other, "select 1 from holdfast.ledgers for update");
  ASSERT_TRUE(store->execute(open_account("ann")));
  EXPECT_EQ(store->status()->unsealed, 1U);
  EXPECT_TRUE(store->status()->unsealed_since.has_value());
  EXPECT_TRUE(store->account("ann"));
  run(*other, "rollback");
  // Nothing else is committed that would wake the sealer.
  EXPECT_TRUE(
      becomes(*store, [](const auto& status) { return status.unsealed == 0 && status.seq == Seq(1); }));
  EXPECT_FALSE(store->status()->unsealed_since.has_value());
}

TEST(SealingTest, ClosingWhileAnotherSessionKeepsTheLockEnds) {
  const auto url = testing::shared_postgres().new_database();
  auto store = open(url);
  const auto other = session_at(url);
  run(*other, "begin");
  run(*other, "select 1 from holdfast.ledgers for update");
  ASSERT_TRUE(store->execute(open_account("ann")));
  const auto begin = steady_clock::now();
  store.reset();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
  run(*other, "rollback");
  store = open(url);
  EXPECT_TRUE(becomes(*store, [](const auto& status) { return status.unsealed == 0; }));
}

TEST(SealingTest, AFailureIsShownAndCommandsGoOn) {
  const auto url = testing::shared_postgres().new_database();
  const auto store = open(url);
  const auto other = session_at(url);
  run(*other, "insert into holdfast.unsealed select ledger, 4711 from holdfast.ledgers");
  ASSERT_TRUE(store->execute(open_account("ann")));
  EXPECT_TRUE(becomes(*store, [](const auto& status) {
    return status.sealing_failure.find("event 4711 is to be sealed and is not there") != std::string::npos;
  }));
  EXPECT_GE(store->status()->unsealed, 1U);
  ASSERT_TRUE(store->execute(open_account("bob")));
  run(*other, "delete from holdfast.unsealed where event = 4711");
  EXPECT_TRUE(becomes(
      *store, [](const auto& status) { return status.unsealed == 0 && status.sealing_failure.empty(); }));
}

// Each store's sealer knows balances from its rounds before: they say nothing once the other one has sealed.
TEST(SealingTest, StatementsGoOnFromWhatAnotherStoreSealed) {
  const auto url = testing::shared_postgres().new_database();
  const std::array stores{open(url), open(url)};
  ASSERT_TRUE(stores[0]->execute(open_account("ann")));
  std::int64_t sum = 0;
  for (std::int64_t i = 1; i <= 8; ++i) {
    const auto& store = stores[static_cast<std::size_t>(i) % 2];
    Command deposit{Deposit{"ann", Amount(i), {}}, {}};
    deposit.options.key = "deposit:" + std::to_string(i);
    const auto paid = store->execute(deposit);
    ASSERT_TRUE(paid) << paid.error().message;
    ASSERT_TRUE(becomes(*store, [](const auto& status) { return status.unsealed == 0; }));
    sum += i;
    const auto lines = store->statement({.account = "ann"});
    ASSERT_TRUE(lines) << lines.error().message;
    ASSERT_EQ(lines->rows.size(), static_cast<std::size_t>(i));
    EXPECT_EQ(lines->rows.back().balance, Amount(sum));
  }
  const auto audit = stores[0]->audit({}, {});
  ASSERT_TRUE(audit) << audit.error().message;
  EXPECT_TRUE(audit->ok);
}

TEST(ServerThatGoesAwayTest, QueriesAndCommandsGoOnAfterARestart) {
  testing::PostgresServer server;
  const auto store = open(server.new_database());
  ASSERT_TRUE(store->execute(open_account("ann")));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store->account("ann"));
    server.stop(testing::PostgresServer::Stop::immediate);
    server.start();
    const auto found = store->account("ann");
    EXPECT_TRUE(found) << found.error().message;
    const auto opened = store->execute(open_account("user:" + std::to_string(i)));
    EXPECT_TRUE(opened) << opened.error().message;
  }
  EXPECT_TRUE(becomes(*store, [](const auto& status) { return status.seq == Seq(4); }));
}

TEST(ServerThatGoesAwayTest, ClosingEndsThoughTheServerIsDown) {
  testing::PostgresServer server;
  auto store = open(server.new_database());
  ASSERT_TRUE(store->execute(open_account("ann")));
  server.kill();
  const auto begin = steady_clock::now();
  store.reset();
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(InOrderTest, EachCommandSeesWhatThoseSubmittedBeforeItDid) {
  const auto store = open(testing::shared_postgres().new_database(), {.create = true, .in_order = true});
  std::mutex mutex;
  std::vector<std::string> rejected;
  for (int i = 0; i < 500; ++i) {
    const auto name = "user:" + std::to_string(i);
    const auto note = [&](Result<StoreAnswer> answer) {
      const std::scoped_lock hold(mutex);
      if (!answer) rejected.push_back(answer.error().message);
    };
    store->submit(open_account(name), note);
    store->submit({Deposit{name, Amount(100)}, {.key = "d" + std::to_string(i)}}, note);
  }
  EXPECT_TRUE(store->execute(open_account("the:last")));
  const std::scoped_lock hold(mutex);
  EXPECT_EQ(rejected, std::vector<std::string>());
}

}  // namespace
}  // namespace holdfast::postgres
