// The server, or the network before it, keeps its connections and says nothing. Whoever asks gets an answer
// in bounded time, and the same command again the right one.
#include <array>
#include <chrono>
#include <future>
#include <memory>

#include "postgres/libpq_session.h"
#include "service/testing/shop.h"
#include "tests/attach/caller.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each
using std::chrono::seconds;

// With a connect_timeout of 2 s the silence is noticed after 2 s, another connection is tried for as long,
// and a command keeps on trying for half a minute.
constexpr auto kTimeout = "connect_timeout=2";
constexpr seconds kNoticed{15};
constexpr seconds kAnswered{60};

class Silence : public ::testing::Test {
 protected:
  static Ledger made(const std::string& url) {
    OpenOptions options;
    options.create = true;
    return must(Ledger::open(url, options));
  }
  template <class Ask>
  static auto within(seconds limit, const Ask& ask) {
    const auto begin = std::chrono::steady_clock::now();
    auto answer = ask();
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(std::chrono::duration_cast<seconds>(took).count(), limit.count());
    return answer;
  }
  static void expect_lawful(const Ledger& ledger) {
    wait_until_sealed(ledger);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  PostgresServer server_{PostgresOptions{.durable = false}};
};

TEST_F(Silence, OfAServerThatIsStopped) {
  auto ledger = std::make_unique<Ledger>(made(server_.url() + "&" + kTimeout));
  stock(*ledger);
  run(*ledger, hold("h", "alice", "shop", 1'000));
  wait_until_sealed(*ledger);
  Caller caller(server_.url() + "&" + kTimeout);
  auto mine = must(Ledger::attach(caller.get()));
  caller.sql("begin");
  ASSERT_TRUE(mine.execute(deposit("mine", "alice", 5)));

  server_.pause();
  const auto command = with_key(release({"h"}), "r");
  auto answer = std::async(std::launch::async,
                           [&] { return within(kAnswered, [&] { return ledger->execute(command); }); });
  const auto account = within(kNoticed, [&] { return ledger->account("alice"); });
  EXPECT_EQ(must_fail(account).code, ErrorCode::storage_failed);
  const auto attached = within(kNoticed, [&] { return mine.execute(deposit("mine:2", "alice", 5)); });
  EXPECT_EQ(must_fail(attached).code, ErrorCode::storage_failed);
  EXPECT_EQ(PQstatus(caller.get()), CONNECTION_BAD) << "the caller sees it too";
  EXPECT_EQ(must_fail(within(kNoticed, [&] { return Ledger::open(server_.url() + "&" + kTimeout); })).code,
            ErrorCode::storage_failed);
  const auto given_up = answer.get();
  EXPECT_EQ(must_fail(given_up).code, ErrorCode::storage_failed) << given_up.error().message;

  server_.go_on();
  const auto again = run(*ledger, command);
  EXPECT_EQ(status(*ledger, "h"), EscrowStatus::released);
  EXPECT_EQ(run(*ledger, command).event_id, again.event_id);
  EXPECT_EQ(available(*ledger, "alice"), 99'000) << "the caller's transaction was never committed";
  expect_lawful(*ledger);
}

TEST_F(Silence, AClosedLedgerDoesNotWaitForAServerThatIsStopped) {
  auto ledger = std::make_unique<Ledger>(made(server_.url() + "&" + kTimeout));
  stock(*ledger);
  server_.pause();
  auto closing = std::async(std::launch::async, [&] { ledger.reset(); });
  EXPECT_EQ(closing.wait_for(kAnswered), std::future_status::ready);
  server_.go_on();
  closing.get();
  auto after = made(server_.url());
  EXPECT_EQ(available(after, "alice"), 100'000);
  expect_lawful(after);
}

// Before or after the commit: the caller is told that it is not known, and gives the command again.
TEST_F(Silence, OfANetworkAtACommit) {
  CuttingProxy before(server_.directory() / ".s.PGSQL.5432");
  CuttingProxy after(server_.directory() / ".s.PGSQL.5432");
  auto direct = made(server_.url());
  stock(direct);
  const auto at = [&](CuttingProxy& proxy, Cut cut, const std::string& key) {
    auto ledger = must(Ledger::open(proxy.url("postgres") + "&" + kTimeout));
    const auto command = deposit(key, "bob", 7);
    proxy.arm(cut, 0, Then::stall);
    const auto answer = within(seconds(90), [&] { return ledger.execute(command); });
    EXPECT_EQ(must_fail(answer).code, ErrorCode::storage_failed);
    EXPECT_NE(answer.error().message.find("give it again with its key"), std::string::npos)
        << answer.error().message;
    proxy.admit();
    const auto first = run(ledger, command);
    const auto again = run(direct, command);
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.event_id, first.event_id);
  };
  auto other = std::async(std::launch::async, [&] { at(before, Cut::before_commit, "before"); });
  at(after, Cut::after_commit, "after");
  other.get();
  EXPECT_EQ(available(direct, "bob"), 100'014);
  expect_lawful(direct);
}

TEST_F(Silence, OfANetworkThatComesBackInTime) {
  CuttingProxy proxy(server_.directory() / ".s.PGSQL.5432");
  auto direct = made(server_.url());
  stock(direct);
  for (const auto cut : {Cut::before_commit, Cut::after_commit}) {
    auto ledger = must(Ledger::open(proxy.url("postgres") + "&" + kTimeout));
    run(ledger, deposit("warm", "bob", 1));
    const auto command = deposit(cut == Cut::before_commit ? "before" : "after", "bob", 7);
    proxy.arm(cut, 0, Then::stall);
    auto answer = std::async(std::launch::async, [&] { return ledger.execute(command); });
    proxy.wait_for_callers(3);  // whoever asks whether the server is there, and whoever connects again
    proxy.admit();
    const auto answered = answer.get();
    ASSERT_TRUE(answered) << answered.error().message;
    EXPECT_EQ(run(direct, command).event_id, answered->event_id);
  }
  EXPECT_EQ(available(direct, "bob"), 100'015);
  expect_lawful(direct);
}

// A statement that takes long says nothing either; its server does.
TEST_F(Silence, OfALongStatementIsWaitedFor) {
  auto session = must(postgres::connect(server_.url() + "&" + kTimeout));
  const std::array<postgres::Statement, 2> slow{{{"select pg_sleep(5)"}, {"select 7"}}};
  const auto answer = session->run(slow);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->back()->integer(0, 0), 7);
}

}  // namespace
}  // namespace holdfast
