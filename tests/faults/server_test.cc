// The server is killed, stopped and started again: what was acknowledged is there, what was not is known, and
// the ledger goes on by itself.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>

#include "service/testing/shop.h"
#include "tests/faults/keyed_load.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

enum class Fall { killed, immediate, fast };

class ServerFaults : public ::testing::Test {
 protected:
  void fall(Fall how) {
    if (how == Fall::killed) server_.kill();
    if (how == Fall::immediate) server_.stop(PostgresServer::Stop::immediate);
    if (how == Fall::fast) server_.stop(PostgresServer::Stop::fast);
  }
  /// A ledger of the database `postgres`, made where it is not there.
  static Ledger opened(const std::string& url) {
    OpenOptions options;
    options.create = true;
    return must(Ledger::open(url, options));
  }
  static void expect_lawful(const Ledger& ledger) {
    wait_until_sealed(ledger);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  /// \pre the server is down; it runs afterwards
  void expect_closes(std::unique_ptr<Ledger> ledger, std::chrono::seconds limit) {
    auto closing = std::async(std::launch::async, [&] { ledger.reset(); });
    EXPECT_EQ(closing.wait_for(limit), std::future_status::ready) << "the ledger is not closed";
    server_.start();
    closing.get();
  }

  /// The server falls again and again under a load.
  void load(Ledger& ledger, const std::vector<Fall>& falls) {
    KeyedLoad load(ledger, "alice");
    int after = 0;
    for (const auto how : falls) {
      after += KeyedLoad::kAll / (static_cast<int>(falls.size()) + 1);
      load.wait_for(after);
      fall(how);
      server_.start();
    }
    load.finish();
    load.expect_all_there(ledger);
    EXPECT_EQ(available(ledger, "shop"), KeyedLoad::kAll * 92);
    EXPECT_EQ(held(ledger, "alice"), 0);
    expect_lawful(ledger);
  }

  // A lost commit's number is only given again where nothing wrote it down meanwhile.
  PostgresServer server_{PostgresOptions{.settings = {"wal_writer_delay = 10s", "checkpoint_timeout = 1h"}}};
};

TEST_F(ServerFaults, KilledAndStoppedUnderLoad) {
  auto ledger = opened(server_.url());
  stock(ledger);
  load(ledger, {Fall::killed, Fall::immediate, Fall::fast, Fall::killed});
}

TEST_F(ServerFaults, KilledUnderLoadBehindAPooler) {
  server_.start_pooler(8);
  auto ledger = opened(server_.pooled_url());
  stock(ledger);
  load(ledger, {Fall::killed, Fall::immediate});
}

TEST_F(ServerFaults, AQueryRightAfterARestartIsAnswered) {
  auto ledger = opened(server_.url());
  stock(ledger);
  for (const auto how : {Fall::fast, Fall::killed, Fall::immediate}) {
    wait_until_sealed(ledger);
    EXPECT_EQ(available(ledger, "bob"), 100'000);
    fall(how);
    server_.start();
    const auto account = ledger.account("bob");
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->available, Amount(100'000));
    const auto audit = ledger.audit();
    ASSERT_TRUE(audit) << audit.error().message;
    EXPECT_TRUE(audit->ok);
  }
}

TEST_F(ServerFaults, WhileItIsDownQuestionsAndCommandsSaySo) {
  auto ledger = opened(server_.url());
  stock(ledger);
  wait_until_sealed(ledger);
  fall(Fall::killed);
  const auto account = ledger.account("alice");
  ASSERT_FALSE(account);
  EXPECT_FALSE(is_rejection(account.error().code));
  const auto answer = ledger.execute(deposit("d", "alice", 1));
  ASSERT_FALSE(answer);
  EXPECT_FALSE(is_rejection(answer.error().code)) << answer.error().message;
  EXPECT_FALSE(Ledger::open(server_.url()));
  server_.start();
  const auto again = run(ledger, deposit("d", "alice", 1));
  EXPECT_FALSE(again.replayed);
  expect_lawful(ledger);
}

TEST_F(ServerFaults, TheLedgerClosesInBoundedTimeWhileTheServerIsDown) {
  constexpr int kCommands = 400;
  auto ledger = std::make_unique<Ledger>(opened(server_.url()));
  stock(*ledger);
  fall(Fall::killed);
  std::atomic<int> answered{0};
  for (int i = 0; i < kCommands; ++i) {
    ledger->submit(deposit(fmt::format("d{}", i), "alice", 1), [&](Result<Answer> answer) {
      EXPECT_FALSE(answer);
      ++answered;
    });
  }
  expect_closes(std::move(ledger), std::chrono::seconds(30));
  EXPECT_EQ(answered, kCommands);
}

TEST_F(ServerFaults, ClosedIdleWhileTheServerIsDown) {
  auto ledger = std::make_unique<Ledger>(opened(server_.url()));
  stock(*ledger);
  fall(Fall::killed);
  expect_closes(std::move(ledger), std::chrono::seconds(10));
}

// The commit is lost, and with it, in a crash, that its event's number was ever given: the next command gets
// the same number. That there is an event with it says nothing about the lost command.
TEST_F(ServerFaults, ALostCommandIsNotTakenForAnotherThatGotItsNumber) {
  CuttingProxy proxy(server_.directory() / ".s.PGSQL.5432");
  {
    auto made = opened(server_.url());
  }
  auto ledger = must(Ledger::open(proxy.url("postgres") + "&workers=1"));
  const auto lost = with_key(open("lost"), "lost");
  proxy.arm(Cut::before_commit, 0, Then::refuse);
  auto answer = std::async(std::launch::async, [&] { return ledger.execute(lost); });
  proxy.wait_for_cut();
  fall(Fall::killed);
  server_.start();
  std::uint64_t other = 0;
  {
    auto direct = opened(server_.url());
    other = *run(direct, with_key(open("other"), "other")).event_id;
  }
  proxy.admit();
  const auto answered = answer.get();
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_NE(answered->event_id, other);
  EXPECT_TRUE(ledger.account("lost")) << "acknowledged, and not there";
  const auto again = run(ledger, lost);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.event_id, answered->event_id);
}

// The same where another command of the same key took the number.
TEST_F(ServerFaults, ALostCommandWhoseKeyWasUsedMeanwhileIsReplayed) {
  CuttingProxy proxy(server_.directory() / ".s.PGSQL.5432");
  {
    auto made = opened(server_.url());
  }
  auto ledger = must(Ledger::open(proxy.url("postgres") + "&workers=1"));
  const auto lost = with_key(open("lost"), "lost");
  proxy.arm(Cut::before_commit, 0, Then::refuse);
  auto answer = std::async(std::launch::async, [&] { return ledger.execute(lost); });
  proxy.wait_for_cut();
  fall(Fall::killed);
  server_.start();
  std::uint64_t first = 0;
  {
    auto direct = opened(server_.url());
    first = *run(direct, lost).event_id;
  }
  proxy.admit();
  const auto answered = answer.get();
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(answered->event_id, first);
  wait_until_sealed(ledger);
  EXPECT_EQ(must(ledger.status()).seq, Seq(1));
}

}  // namespace
}  // namespace holdfast
