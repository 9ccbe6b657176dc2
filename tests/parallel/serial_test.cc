// Law 9 on PostgreSQL: whatever many sessions do at once, the answers are those of the naive model, given the
// same commands one by one in the order of `seq`.
//
// Threads give random commands over few names, in rounds; after each round everything is sealed, the model is
// given the commands that were recorded, in seal order, and every answer and row is compared. What left no
// event, a rejection above all, has to be right at a moment at which it can have been decided.
#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "postgres/postgres_store.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/support/postgres_server.h"
#include "tests/support/seal_order.h"

namespace holdfast {
namespace {

using testing::SealOrder;

class SerialOrder : public ::testing::Test {
 protected:
  void open(int workers) {
    const auto database = testing::shared_postgres().new_database();
    for (auto& store : stores_) {
      auto opened =
          postgres::open_postgres_store(database + "&workers=" + std::to_string(workers), {.create = true});
      ASSERT_TRUE(opened) << opened.error().message;
      store = std::move(*opened);
    }
    order_ = std::make_unique<SealOrder>(database, "main");
  }
  void check_rows() {
    for (auto& store : stores_) ASSERT_NO_FATAL_FAILURE(order_->check_rows(*store));
  }

  /// \param stores  1 or 2 of them are given commands
  void many_sessions(std::uint64_t seed, std::size_t stores, int rounds) {
    constexpr int kThreads = 8;
    constexpr int kCommands = 12;  // a thread and round
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    open(kThreads / 2);
    sim::Prng prng(seed);
    std::vector<sim::Workload> workloads;
    sim::Workload first(prng.fork());
    for (int i = 0; i < kThreads; ++i) workloads.emplace_back(prng.fork());
    for (const auto& command : first.opening()) (void)order_->run(*stores_[0], command);
    ASSERT_NO_FATAL_FAILURE(order_->check());
    for (int round = 0; round < rounds; ++round) {
      // Drawn before, so that the commands of a seed are the same whatever the threads do. Now and then
      // another thread gives the same command.
      std::vector<std::vector<Command>> commands(kThreads);
      for (std::size_t t = 0; t < kThreads; ++t) {
        for (int i = 0; i < kCommands; ++i) {
          commands[t].push_back(workloads[t].next(order_->book()));
          if (prng.one_in(10)) commands[(t + 1) % kThreads].push_back(commands[t].back());
        }
      }
      std::vector<std::jthread> threads;
      for (std::size_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (const auto& command : commands[t]) (void)order_->run(*stores_[t % stores], command);
        });
      }
      threads.clear();
      ASSERT_NO_FATAL_FAILURE(order_->check()) << "round " << round;
      if (round % 10 == 9) {
        ASSERT_NO_FATAL_FAILURE(check_rows()) << "round " << round;
      }
    }
    order_->check_laws(*stores_[0]);
    order_->check_tables();
    accepted_ += order_->accepted();
    in_order_ += order_->windows().in_order;
  }

  std::array<std::unique_ptr<Store>, 2> stores_;
  std::unique_ptr<SealOrder> order_;
  std::uint64_t accepted_ = 0;
  std::uint64_t in_order_ = 0;  // rejections and other answers without an event
};

TEST_F(SerialOrder, OneSession) {
  open(1);
  sim::Prng prng(1);
  sim::Workload workload(prng.fork());
  for (const auto& command : workload.opening()) (void)order_->run(*stores_[0], command);
  ASSERT_NO_FATAL_FAILURE(order_->check());
  for (int i = 0; i < 400; ++i) {
    (void)order_->run(*stores_[0], workload.next(order_->book()));
    ASSERT_NO_FATAL_FAILURE(order_->check()) << "command " << i;
    if (i % 40 == 0) {
      ASSERT_NO_FATAL_FAILURE(check_rows()) << "command " << i;
    }
  }
  EXPECT_GT(order_->accepted(), 100U);
  order_->check_laws(*stores_[0]);
}

TEST_F(SerialOrder, ManySessions) {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    many_sessions(seed, 1, 30);
    if (HasFailure()) return;
  }
  EXPECT_GT(accepted_, 1'000U);
  EXPECT_GT(in_order_, 1'000U);
}

TEST_F(SerialOrder, ManySessionsOfTwoStores) {
  for (std::uint64_t seed = 11; seed <= 12; ++seed) {
    many_sessions(seed, 2, 30);
    if (HasFailure()) return;
  }
  EXPECT_GT(accepted_, 1'000U);
}

class LongSerialOrder : public SerialOrder {};
TEST_F(LongSerialOrder, ManySeeds) {
  for (std::uint64_t seed = 100; seed < 130; ++seed) {
    many_sessions(seed, 2, 40);
  }
}

}  // namespace
}  // namespace holdfast
