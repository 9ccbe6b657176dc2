// Connections are cut: at every message of a command, exactly around its COMMIT, and by the server. Whoever
// asked gets an answer that is true, and the same command again has the same answer.
#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "postgres/libpq_session.h"
#include "service/testing/shop.h"
#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_server.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;  // NOLINT: commands in one line each

class ConnectionFaults : public ::testing::Test {
 protected:
  ConnectionFaults() {
    shared_postgres().create_database(name_);
    OpenOptions options;
    options.create = true;
    direct_ = must(Ledger::open(shared_postgres().url(name_), options));
    stock(direct_);
    ledger_ = must(Ledger::open(proxy_.url(name_) + "&workers=2"));
  }
  void TearDown() override {
    proxy_.disarm();
    wait_until_sealed(direct_);
    EXPECT_EQ(broken_laws(direct_), "");
  }
  static std::string next_name() {
    static int databases = 0;
    return fmt::format("cut_{}", ++databases);
  }

  /// The command was done once, whatever its answer was told to be.
  void expect_once(const Command& command, const Result<Answer>& answer) {
    ASSERT_TRUE(answer) << op_name(command.operation) << ": " << answer.error().message;
    const auto again = direct_.execute(command);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->replayed) << "what was answered is there";
    EXPECT_EQ(again->event_id, answer->event_id);
  }
  std::vector<Command> commands(int i) {
    const auto n = std::to_string(i);
    return {deposit("d" + n, "alice", 10), hold("h" + n, "alice", "shop", 10, "g" + n),
            with_key(release({"h" + n}), "r" + n),
            with_key(atomic({open("u" + n), deposit("e" + n, "u" + n, 3), hold("i" + n, "u" + n, "shop", 3)}),
                     "a" + n)};
  }

  /// Cuts a release at one message of so many, up to its last.
  void at_messages_of_a_release(std::uint64_t step) {
    std::int64_t released = 0;
    std::uint64_t message = 1;
    for (int stayed_whole = 0; stayed_whole < 2 && message < 400; message += step) {
      const auto key = fmt::format("h{}", message);
      run(direct_, hold(key, "alice", "shop", 100));
      // Sealed before: else the sealer's messages would be counted too.
      ASSERT_NO_FATAL_FAILURE(wait_until_sealed(direct_));
      proxy_.arm(Cut::at_message, message);
      const auto command = with_key(release({key}), "r" + key);
      ASSERT_NO_FATAL_FAILURE(expect_once(command, ledger_.execute(command))) << "cut at message " << message;
      ++released;
      stayed_whole += proxy_.disarm() ? 0 : 1;
    }
    EXPECT_GT(message, 40U);
    EXPECT_EQ(available(direct_, "shop"), released * 92);
  }

  const std::string name_ = next_name();
  CuttingProxy proxy_{shared_postgres().directory() / ".s.PGSQL.5432"};
  Ledger direct_{nullptr};
  Ledger ledger_{nullptr};
};

TEST_F(ConnectionFaults, ACommitThatDoesNotReachTheServerIsDoneAgain) {
  for (int i = 0; i < 6; ++i) {
    for (const auto& command : commands(i)) {
      proxy_.arm(Cut::before_commit);
      expect_once(command, ledger_.execute(command));
      EXPECT_TRUE(proxy_.disarm()) << "the commit was met";
    }
  }
  EXPECT_GE(must(ledger_.status()).retries.reconnects, 24U);
}

TEST_F(ConnectionFaults, ACommitWhoseAnswerIsLostIsNotDoneTwice) {
  for (int i = 0; i < 6; ++i) {
    for (const auto& command : commands(i)) {
      const auto events = must(direct_.status()).seq.value() + must(direct_.status()).unsealed;
      proxy_.arm(Cut::after_commit);
      expect_once(command, ledger_.execute(command));
      EXPECT_TRUE(proxy_.disarm());
      wait_until_sealed(direct_);
      EXPECT_EQ(must(direct_.status()).seq.value(), events + 1);
    }
  }
}

TEST_F(ConnectionFaults, WithoutAKeyToo) {
  for (int i = 0; i < 12; ++i) {
    const auto key = fmt::format("h{}", i);
    run(direct_, hold(key, "alice", "shop", 1'000));
    proxy_.arm(i % 2 == 0 ? Cut::before_commit : Cut::after_commit);
    const auto answer = ledger_.execute(release({key}));
    EXPECT_TRUE(answer) << answer.error().message;
    EXPECT_TRUE(proxy_.disarm());
    EXPECT_EQ(status(direct_, key), EscrowStatus::released);
  }
  EXPECT_EQ(available(direct_, "shop"), 12 * 920);
}

TEST_F(ConnectionFaults, AtAThirdOfTheMessagesOfARelease) {
  at_messages_of_a_release(3);
}

TEST_F(ConnectionFaults, WhatSharesATransactionIsAnsweredEach) {
  for (int round = 0; round < 6; ++round) {
    constexpr int kCommands = 40;
    std::atomic<int> accepted{0};
    std::atomic<int> left{kCommands};
    std::promise<void> all;
    proxy_.arm(round % 2 == 0 ? Cut::before_commit : Cut::after_commit);
    for (int i = 0; i < kCommands; ++i) {
      ledger_.submit(deposit(fmt::format("{}:{}", round, i), "bob", 1), [&](Result<Answer> answer) {
        accepted += answer.has_value();
        if (--left == 0) all.set_value();
      });
    }
    all.get_future().get();
    EXPECT_EQ(accepted, kCommands);
    EXPECT_TRUE(proxy_.disarm());
    EXPECT_EQ(available(direct_, "bob"), 100'000 + (round + 1) * kCommands);
  }
}

class LongConnectionFaults : public ConnectionFaults {};
TEST_F(LongConnectionFaults, AtEveryMessageOfARelease) {
  at_messages_of_a_release(1);
}

TEST_F(ConnectionFaults, ABlockIsWholeOrNotThere) {
  for (int round = 0; round < 8; ++round) {
    const auto key = fmt::format("b{}", round);
    proxy_.arm(round % 2 == 0 ? Cut::before_commit : Cut::after_commit);
    const auto answer = ledger_.atomic(
        [&](Transaction& transaction) -> Result<void> {
          for (const auto& command :
               {hold(key, "alice", "shop", 100), release({key}), deposit("d" + key, "bob", 1)}) {
            if (auto done = transaction.execute(command); !done) return std::unexpected(done.error());
          }
          return {};
        },
        {.options = {.key = "block:" + key}, .time_limit = std::chrono::minutes(1)});
    EXPECT_TRUE(proxy_.disarm());
    const auto seen = direct_.escrow(ref(key));
    EXPECT_EQ(answer.has_value(), seen.has_value()) << (answer ? "" : answer.error().message);
    EXPECT_EQ(answer.has_value(), round % 2 == 1);
  }
  EXPECT_EQ(available(direct_, "bob"), 100'004);
}

TEST_F(ConnectionFaults, AChunkedCommandGoesOn) {
  for (int i = 0; i < 20; ++i) run(direct_, hold(fmt::format("h{}", i), "alice", "shop", 100, "g"));
  proxy_.arm(Cut::before_commit);
  std::jthread cutting([&](const std::stop_token& stop) {
    for (int i = 0; !stop.stop_requested(); ++i) {
      if (proxy_.disarm()) proxy_.arm(i % 2 == 0 ? Cut::after_commit : Cut::before_commit);
      std::this_thread::yield();
    }
  });
  const auto command = chunked<Release>("c", "g", 3);
  const auto answer = ledger_.execute(command);
  cutting.request_stop();
  cutting.join();
  ASSERT_NO_FATAL_FAILURE(expect_once(command, answer));
  EXPECT_EQ(split(std::get<Settlement>(answer->result)), "EUR 20 of 2000: 100 / 60 / 1840");
  EXPECT_EQ(available(direct_, "shop"), 1'840);
}

TEST_F(ConnectionFaults, SealingGoesOnAfterItWasCut) {
  for (std::uint64_t message = 1; message < 30; message += 3) {
    proxy_.arm(Cut::at_message, 60 + message);
    run(ledger_, deposit(fmt::format("d{}", message), "alice", 1));
    wait_until_sealed(direct_);
    proxy_.disarm();
  }
}

TEST_F(ConnectionFaults, TheServerEndsConnectionsUnderLoad) {
  constexpr int kThreads = 4;
  constexpr int kEach = 25;
  auto session = must(postgres::connect(shared_postgres().url(name_)));
  std::atomic<int> done{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto command = deposit(fmt::format("{}:{}", t, i), "bob", 1);
        while (!ledger_.execute(command)) {
        }
        ++done;
      }
    });
  }
  const std::array<postgres::Statement, 1> end_all{
      {{"select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid "
        "<> "
        "pg_backend_pid()"}}};
  for (int after = 0; after < kThreads * (kEach - 1); after += 10) {
    while (done < after) std::this_thread::yield();
    EXPECT_TRUE(session->run(end_all));
  }
  threads.clear();
  EXPECT_EQ(available(direct_, "bob"), 100'000 + kThreads * kEach);
}

// Another program has rows locked for as long as it likes: who needs them is told to try again, and nobody
// else waits.
TEST_F(ConnectionFaults, ARowKeptByAnotherIsBusyAndTheOthersGoOn) {
  run(direct_, hold("kept", "alice", "shop", 100, "g"));
  run(direct_, hold("free", "bob", "shop", 100));
  auto other = must(postgres::connect(shared_postgres().url(name_)));
  const std::array<postgres::Statement, 2> lock{
      {{"begin"}, {"select from holdfast.escrows where key = 'kept' for update"}}};
  ASSERT_TRUE(other->run(lock));
  std::promise<Result<Answer>> waits;
  ledger_.submit(release({"kept"}), [&](Result<Answer> answer) { waits.set_value(std::move(answer)); });
  for (int i = 0; i < 20; ++i) run(ledger_, deposit(fmt::format("d{}", i), "alice", 1));
  run(ledger_, release({"free"}));
  auto waiting = waits.get_future();
  EXPECT_NE(waiting.wait_for(std::chrono::seconds(0)), std::future_status::ready)
      << "the others did not wait for it";
  EXPECT_EQ(must_fail(waiting.get()).code, ErrorCode::busy);
  EXPECT_EQ(status(direct_, "kept"), EscrowStatus::locked);
  EXPECT_GT(must(ledger_.status()).retries.lock_timeouts, 0U);
  EXPECT_EQ(must(ledger_.status()).retries.given_up, 1U);
  const std::array<postgres::Statement, 1> unlock{{{"rollback"}}};
  ASSERT_TRUE(other->run(unlock));
  run(ledger_, release({"kept"}));
}

TEST_F(ConnectionFaults, AServerThatTakesNoWritesSaysSo) {
  auto session = must(postgres::connect(shared_postgres().url(name_)));
  const auto set = [&](std::string_view to) {
    const auto sql = fmt::format("alter database {} set default_transaction_read_only = {}", name_, to);
    const std::array<postgres::Statement, 2> statements{{{"set transaction read write"}, {sql}}};
    ASSERT_TRUE(session->run(statements));
  };
  wait_until_sealed(direct_);
  set("on");
  proxy_.cut_all();  // new connections are made under the new setting
  auto reader = must(Ledger::open(shared_postgres().url(name_)));
  EXPECT_EQ(available(reader, "alice"), 100'000);
  EXPECT_EQ(must_fail(reader.execute(deposit("d", "alice", 1))).code, ErrorCode::read_only);
  set("off");
  auto writer = must(Ledger::open(shared_postgres().url(name_)));
  EXPECT_FALSE(run(writer, deposit("d", "alice", 1)).replayed);
}

TEST_F(ConnectionFaults, AQueryAfterItsConnectionWasEndedIsAnswered) {
  auto session = must(postgres::connect(shared_postgres().url(name_)));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(available(ledger_, "alice"), 100'000);
    const std::array<postgres::Statement, 1> end_all{
        {{"select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity where datname = "
          "current_database() and "
          "pid <> pg_backend_pid()"}}};
    ASSERT_TRUE(session->run(end_all));
    const auto account = ledger_.account("alice");
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_TRUE(ledger_.execute(dry(deposit("d", "alice", 1))));
    const auto block = ledger_.atomic([](Transaction&) -> Result<void> { return {}; });
    EXPECT_TRUE(block) << block.error().message;
  }
}

}  // namespace
}  // namespace holdfast
