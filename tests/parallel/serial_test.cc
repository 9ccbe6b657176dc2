// Law 9 on PostgreSQL: whatever many sessions do at once, the answers are those of the naive model, given the
// same commands one by one in the order of `seq`.
//
// Threads give random commands over few names, in rounds; after each round everything is sealed, the model is
// given the commands that were recorded, in seal order, and every answer and row is compared.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "ledger/store.h"
#include "postgres/libpq_session.h"
#include "postgres/postgres_store.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/support/postgres_server.h"

namespace holdfast {
namespace {

struct Step {
  Command command;
  Result<Answer> answer;
};

class SerialOrder : public ::testing::Test {
 protected:
  void open(int workers) {
    url_ = testing::shared_postgres().new_database();
    auto store =
        postgres::open_postgres_store(url_ + "&workers=" + std::to_string(workers), {.create = true});
    ASSERT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    auto session = postgres::connect(url_);
    ASSERT_TRUE(session) << session.error().message;
    session_ = std::move(*session);
  }

  /// Runs a command to its end; a chunked one is a step each time.
  void run(const Command& command) {
    while (true) {
      auto reply = store_->execute(command);
      const bool more = reply && reply->more;
      const std::scoped_lock hold(mutex_);
      if (!reply) {
        steps_.push_back({command, std::unexpected(reply.error())});
      } else {
        steps_.push_back({command, std::move(reply->answer)});
      }
      if (!more) return;
    }
  }

  void wait_until_sealed() {
    while (true) {
      const std::array<postgres::Statement, 1> ask{{{"select count(*) from holdfast.unsealed"}}};
      const auto left = session_->run(ask);
      ASSERT_TRUE(left) << left.error().message;
      if (left->front()->integer(0, 0) == 0) return;
      std::this_thread::yield();
    }
  }

  std::map<std::uint64_t, std::uint64_t> seqs() {
    const std::array<postgres::Statement, 1> ask{{{"select event, seq from holdfast.seals"}}};
    const auto rows = session_->run(ask);
    EXPECT_TRUE(rows);
    std::map<std::uint64_t, std::uint64_t> seqs;
    for (std::size_t i = 0; i < rows->front()->rows(); ++i) {
      seqs[static_cast<std::uint64_t>(rows->front()->integer(i, 0))] =
          static_cast<std::uint64_t>(rows->front()->integer(i, 1));
    }
    return seqs;
  }

  /// Gives the model what was recorded since the last time, in seal order.
  void check_round() {
    wait_until_sealed();
    const auto seq_of = seqs();
    std::map<std::uint64_t, const Step*> in_order;
    std::vector<const Step*> replays;
    for (auto& step : steps_) {
      if (!step.answer) {
        EXPECT_TRUE(is_rejection(step.answer.error().code)) << step.answer.error().message;
        ++rejected_;
        continue;
      }
      if (!step.answer->event_id) continue;  // changed nothing
      const auto seq = seq_of.find(*step.answer->event_id);
      ASSERT_NE(seq, seq_of.end()) << "event " << *step.answer->event_id << " was not sealed";
      step.answer->seq = Seq(seq->second);  // what it had not yet when it was answered
      if (step.answer->replayed) {
        replays.push_back(&step);
        continue;
      }
      ASSERT_TRUE(in_order.emplace(seq->second, &step).second);
    }
    for (const auto& [seq, step] : in_order) {
      ASSERT_EQ(seq, model_.book().seq + 1) << "seqs have no gaps";
      const auto expected = model_.execute(step->command, sim::given_ids(step->answer->result));
      ASSERT_EQ(sim::difference(expected, step->answer), "")
          << "seq " << seq << ": " << sim::describe(step->command);
      ++accepted_;
    }
    for (const auto* step : replays) {
      const auto expected = model_.execute(step->command, {});
      ASSERT_EQ(sim::difference(expected, step->answer), "") << "replay: " << sim::describe(step->command);
      ++replayed_;
    }
    ASSERT_EQ(model_.broken_law(), "");
    steps_.clear();
  }

  void check_rows() {
    for (const auto& [name, expected] : model_.book().accounts) {
      const auto row = store_->account(name);
      ASSERT_TRUE(row) << row.error().message;
      ASSERT_EQ(row->available.minor(), static_cast<std::int64_t>(expected.available)) << name;
      ASSERT_EQ(row->held.minor(), static_cast<std::int64_t>(expected.held)) << name;
      ASSERT_EQ(row->open, expected.open) << name;
    }
    for (const auto& [id, expected] : model_.book().escrows) {
      const auto row = store_->escrow({EscrowId(id), {}});
      ASSERT_TRUE(row) << row.error().message;
      ASSERT_EQ(row->key, expected.key);
      ASSERT_EQ(row->released.minor(), static_cast<std::int64_t>(expected.released)) << id;
      ASSERT_EQ(row->refunded.minor(), static_cast<std::int64_t>(expected.refunded)) << id;
      ASSERT_EQ(row->commission.minor(), static_cast<std::int64_t>(expected.commission)) << id;
      ASSERT_EQ(row->processor_fee.minor(), static_cast<std::int64_t>(expected.processor_fee)) << id;
      ASSERT_EQ(row->status == EscrowStatus::frozen, expected.frozen) << id;
    }
  }

  void check_audit() {
    const auto report = store_->audit({});
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& check : report->checks) EXPECT_TRUE(check.ok) << check.law << ": " << check.detail;
  }

  std::string url_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<postgres::Session> session_;
  std::mutex mutex_;
  std::vector<Step> steps_;
  sim::Model model_{sim::IdOrder::any};
  std::uint64_t accepted_ = 0;
  std::uint64_t rejected_ = 0;
  std::uint64_t replayed_ = 0;
};

TEST_F(SerialOrder, OneSession) {
  open(1);
  sim::Prng prng(1);
  sim::Workload workload(prng.fork());
  for (const auto& command : workload.opening()) run(command);
  ASSERT_NO_FATAL_FAILURE(check_round());
  for (int i = 0; i < 400; ++i) {
    run(workload.next(model_.book()));
    ASSERT_NO_FATAL_FAILURE(check_round()) << "command " << i;
    if (i % 40 == 0) {
      ASSERT_NO_FATAL_FAILURE(check_rows()) << "command " << i;
    }
  }
  EXPECT_GT(accepted_, 100U);
  check_audit();
}

TEST_F(SerialOrder, ManySessions) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 30;
  constexpr int kCommands = 12;  // a thread and round
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    model_ = sim::Model(sim::IdOrder::any);
    open(kThreads);
    sim::Prng prng(seed);
    std::vector<sim::Workload> workloads;
    sim::Workload first(prng.fork());
    for (int i = 0; i < kThreads; ++i) workloads.emplace_back(prng.fork());
    for (const auto& command : first.opening()) run(command);
    ASSERT_NO_FATAL_FAILURE(check_round());
    for (int round = 0; round < kRounds; ++round) {
      // Drawn before, so that the commands of a seed are the same whatever the threads do.
      std::vector<std::vector<Command>> commands(kThreads);
      for (int t = 0; t < kThreads; ++t) {
        for (int i = 0; i < kCommands; ++i) {
          commands[static_cast<std::size_t>(t)].push_back(
              workloads[static_cast<std::size_t>(t)].next(model_.book()));
        }
      }
      std::vector<std::jthread> threads;
      for (const auto& mine : commands) {
        threads.emplace_back([&] {
          for (const auto& command : mine) run(command);
        });
      }
      threads.clear();
      ASSERT_NO_FATAL_FAILURE(check_round()) << "round " << round;
      if (round % 10 == 9) {
        ASSERT_NO_FATAL_FAILURE(check_rows()) << "round " << round;
      }
    }
    check_audit();
  }
  EXPECT_GT(accepted_, 1'000U);
  ::testing::Test::RecordProperty("accepted", static_cast<int>(accepted_));
  ::testing::Test::RecordProperty("rejected", static_cast<int>(rejected_));
  ::testing::Test::RecordProperty("replayed", static_cast<int>(replayed_));
}

}  // namespace
}  // namespace holdfast
