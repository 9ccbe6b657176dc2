// Law 9 for callers' transactions: what they committed is what the model does in the order of seals.
#include <atomic>
#include <thread>

#include "postgres/attached.h"
#include "postgres/postgres_store.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/attach/fixture.h"
#include "tests/support/seal_order.h"

namespace holdfast {
namespace {

using testing::AttachTest;
using testing::Caller;
using testing::SealOrder;

/// One after another: a round's transactions of one thread, some rolled back.
class Clerk {
 public:
  Clerk(const std::string& url, SealOrder& order, std::uint64_t seed)
      : caller_(url), store_(*postgres::attach_to(caller_.get(), "main")), order_(order), prng_(seed) {}

  void run(const std::vector<Command>& commands) {
    std::size_t next = 0;
    while (next < commands.size()) {
      const auto end = std::min(commands.size(), next + 1 + prng_.below(3));
      transaction(std::span(commands).subspan(next, end - next));
      next = end;
    }
  }

  static std::atomic<std::uint64_t> busy;
  static std::atomic<std::uint64_t> rolled_back;

 private:
  void transaction(std::span<const Command> commands) {
    std::vector<std::pair<const Command*, Result<Answer>>> answers;
    caller_.sql("begin; set local lock_timeout = '200ms'");
    for (const auto& command : commands) {
      while (true) {
        auto reply = store_->execute(command);
        const bool more = reply && reply->more;
        if (reply) {
          answers.emplace_back(&command, std::move(reply->answer));
        } else if (reply.error().code == ErrorCode::busy) {
          ++busy;
        } else {
          answers.emplace_back(&command, std::unexpected(std::move(reply.error())));
        }
        if (!more) break;
      }
    }
    if (prng_.below(4) == 0) {
      caller_.sql("rollback");
      ++rolled_back;
      return;
    }
    caller_.sql("commit");
    for (auto& [command, answer] : answers) order_.record(*command, std::move(answer));
  }

  Caller caller_;
  std::unique_ptr<Store> store_;
  SealOrder& order_;
  sim::Prng prng_;
};
std::atomic<std::uint64_t> Clerk::busy{0};
std::atomic<std::uint64_t> Clerk::rolled_back{0};

TEST(AttachedSessions, AreOneAfterAnotherInTheOrderOfSeals) {
  constexpr int kClerks = 8;
  constexpr int kRounds = 12;
  constexpr int kCommands = 8;
  const auto url = testing::shared_postgres().new_database();
  auto store = *postgres::open_postgres_store(url, true, false);
  SealOrder order(url, "main");
  sim::Prng prng(7);
  sim::Workload first(prng.fork());
  for (const auto& command : first.opening()) order.run(*store, command);
  std::vector<sim::Workload> workloads;
  std::vector<std::unique_ptr<Clerk>> clerks;
  for (std::uint64_t i = 0; i < kClerks; ++i) {
    workloads.emplace_back(prng.fork());
    clerks.push_back(std::make_unique<Clerk>(url, order, i));
  }
  ASSERT_NO_FATAL_FAILURE(order.check());
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::vector<Command>> commands(kClerks);
    for (std::size_t i = 0; i < kClerks; ++i) {
      for (int n = 0; n < kCommands; ++n) commands[i].push_back(workloads[i].next(order.book()));
    }
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < kClerks; ++i) threads.emplace_back([&, i] { clerks[i]->run(commands[i]); });
    }
    // A command of the store's own has it seal what the callers committed.
    order.run(*store, {OpenAccount{"sealing", *Currency::parse("EUR"), AccountKind::user},
                       {.key = "round:" + std::to_string(round)}});
    ASSERT_NO_FATAL_FAILURE(order.check()) << "round " << round;
  }
  ASSERT_NO_FATAL_FAILURE(order.check_rows(*store));
  ASSERT_NO_FATAL_FAILURE(order.check_laws(*store));
  EXPECT_GT(order.accepted(), 100U);
  EXPECT_GT(Clerk::rolled_back, 10U);
  ::testing::Test::RecordProperty("accepted", static_cast<int>(order.accepted()));
  ::testing::Test::RecordProperty("busy", static_cast<int>(Clerk::busy));
}

// Whoever closes waits for holds that are under way, and sees them; whoever holds later is refused.
TEST_F(AttachTest, AHoldRacingTheClosingOfItsGroup) {
  auto mine = *Ledger::attach(me_.get());
  for (int i = 0; i < 20; ++i) {
    const auto group = fmt::format("race:{}", i);
    ASSERT_TRUE(ledger_.hold(hold_of(1, group), keyed(group + ":first")));
    me_.sql("begin");
    Result<Answered<Settlement>> closed = fail(ErrorCode::aborted, "not answered");
    std::jthread closing;
    const auto close = [&] {
      Release all;
      all.group = group;
      all.close = true;
      closed = ledger_.release(std::move(all));
    };
    if (i % 2 == 0) closing = std::jthread(close);
    const auto held = mine.hold(hold_of(1, group), keyed(group + ":second"));
    if (i % 2 == 1) closing = std::jthread(close);
    me_.sql("commit");
    closing.join();
    ASSERT_TRUE(closed) << closed.error().message;
    ASSERT_EQ(closed->result.totals.at(0).escrows, held ? 2U : 1U) << group;
    if (!held) {
      EXPECT_EQ(held.error().code, ErrorCode::group_closed) << held.error().message;
    }
  }
  expect_lawful();
}

}  // namespace
}  // namespace holdfast
