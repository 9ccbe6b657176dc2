// Property: random commands and blocks, one after another, through a whole store: every answer and every row
// is the naive model's.
#include <gtest/gtest.h>

#include "service/testing/shop.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;
using Kind = sim::Block::Step::Kind;

/// Empty where the store's rows are the model's; else the first that is not.
std::string differing_row(Store& store, const sim::ModelBook& book) {
  for (const auto& [name, expected] : book.accounts) {
    const auto row = must(store.account(name));
    if (row.available.minor() != static_cast<std::int64_t>(expected.available) ||
        row.held.minor() != static_cast<std::int64_t>(expected.held) || row.open != expected.open ||
        row.kind != expected.kind || row.currency != expected.currency) {
      return fmt::format("account {}: {}+{}", name, row.available.minor(), row.held.minor());
    }
  }
  for (const auto& [id, expected] : book.escrows) {
    const auto row = must(store.escrow({EscrowId(id), {}}));
    const bool same = row.key == expected.key && row.payer == expected.payer && row.group == expected.group &&
                      row.fee_plan == expected.plan && row.fee_plan_version == expected.plan_version &&
                      row.amount.minor() == static_cast<std::int64_t>(expected.amount) &&
                      row.released.minor() == static_cast<std::int64_t>(expected.released) &&
                      row.refunded.minor() == static_cast<std::int64_t>(expected.refunded) &&
                      row.commission.minor() == static_cast<std::int64_t>(expected.commission) &&
                      row.processor_fee.minor() == static_cast<std::int64_t>(expected.processor_fee) &&
                      (row.status == EscrowStatus::frozen) == expected.frozen &&
                      row.release_at == expected.release_at && row.refund_at == expected.refund_at;
    if (!same) return fmt::format("escrow {} ({})", id, row.key);
  }
  for (const auto& [name, expected_open] : book.groups) {
    const auto row = must(store.group(name));
    if (row.open != expected_open) return "group " + name;
  }
  std::size_t versions = 0;
  for (const auto& [name, all] : book.plans) versions += all.size();
  const auto plans = must(store.fee_plans());
  return plans.size() == versions ? "" : fmt::format("{} fee plans", plans.size());
}

/// An event that is not sealed yet has no seq: to the model any will do.
Result<Answer> answer_of(const Result<StoreAnswer>& reply) {
  if (!reply) return std::unexpected(reply.error());
  auto answer = reply->answer;
  if (answer.event_id && !answer.seq) answer.seq = Seq(*answer.event_id);
  return answer;
}

class StoreModel : public ::testing::TestWithParam<StoreKind> {
 protected:
  void run(std::uint64_t seed, int commands) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    const Place place(GetParam());
    store_ = place.open_store();
    model_ = sim::Model(sim::IdOrder::any);
    sim::Prng prng(seed);
    sim::Workload workload(prng.fork());
    for (const auto& command : workload.opening()) ASSERT_NO_FATAL_FAILURE(execute(command));
    for (int i = 0; i < commands; ++i) {
      if (prng.one_in(6)) {
        ASSERT_NO_FATAL_FAILURE(execute(workload.next_block(model_.book()))) << "step " << i;
      } else {
        ASSERT_NO_FATAL_FAILURE(execute(workload.next(model_.book()))) << "step " << i;
      }
      if (i % 20 == 19) {
        ASSERT_EQ(differing_row(*store_, model_.book()), "") << "after step " << i;
      }
    }
    ASSERT_EQ(differing_row(*store_, model_.book()), "");
    const Ledger ledger(std::move(store_));
    wait_until_sealed(ledger);
    EXPECT_EQ(must(ledger.status()).seq.value(), model_.book().seq);
    EXPECT_EQ(broken_laws(ledger), "");
  }

  /// A chunked command does a chunk, and perhaps is left there.
  void execute(const Command& command) {
    const auto reply = store_->execute(command);
    const auto answer = answer_of(reply);
    const auto expected = model_.execute(command, answer ? sim::given_ids(answer->result) : sim::GivenIds{});
    ASSERT_EQ(sim::difference(expected, answer), "") << sim::describe(command);
    ASSERT_TRUE(!reply || reply->more == expected.more);
    ASSERT_EQ(model_.broken_law(), "");
  }

  void execute(const sim::Block& block) {
    std::vector<Result<CommandResult>> results;
    const auto body = [&](TransactionPort& port) -> Result<void> {
      const auto given_up = fail(ErrorCode::aborted, "the caller's own code gave up");
      for (const auto& step : block.steps) {
        if (step.kind == Kind::savepoint) port.savepoint();
        if (step.kind == Kind::release_savepoint) port.release_savepoint();
        if (step.kind == Kind::rollback_savepoint) port.rollback_savepoint(given_up.error());
        if (step.kind == Kind::execute) results.push_back(port.execute(step.command));
      }
      if (!block.commits) return given_up;
      return {};
    };
    const auto reply = store_->transact(block.options, std::chrono::minutes(1), body);
    const auto answer = answer_of(reply);
    sim::Outcome expected;
    ASSERT_NO_FATAL_FAILURE(expect(block, results, expected));
    ASSERT_EQ(sim::difference(expected, answer), "") << "a block of " << block.steps.size() << " steps";
    ASSERT_EQ(model_.broken_law(), "");
  }

  void expect(const sim::Block& block, const std::vector<Result<CommandResult>>& results,
              sim::Outcome& whole) {
    if (auto early = model_.begin_block(block.options)) {
      whole = *early;
      return;
    }
    std::size_t next = 0;
    for (const auto& step : block.steps) {
      if (step.kind == Kind::savepoint) model_.block_savepoint();
      if (step.kind == Kind::release_savepoint) model_.block_end_savepoint(std::nullopt);
      if (step.kind == Kind::rollback_savepoint) model_.block_end_savepoint(ErrorCode::aborted);
      if (step.kind != Kind::execute) continue;
      ASSERT_LT(next, results.size()) << "the block ran to its end";
      const auto& result = results[next++];
      const auto expected =
          model_.block_step(step.command, result ? sim::given_ids(*result) : sim::GivenIds{});
      const auto wrong = result ? sim::difference(expected, *result)
                                : sim::difference(expected, Result<Answer>(std::unexpected(result.error())));
      ASSERT_EQ(wrong, "") << "in a block: " << sim::describe(step.command);
    }
    whole = model_.end_block(block.commits, block.options);
  }

  std::unique_ptr<Store> store_;
  sim::Model model_{sim::IdOrder::any};
};

TEST_P(StoreModel, AgreesOnRandomCommandsAndBlocks) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    run(seed, 250);
    if (HasFatalFailure()) return;
  }
}
INSTANTIATE_TEST_SUITE_P(Stores, StoreModel, ::testing::ValuesIn(kAllStores), store_name);

class LongStoreModel : public StoreModel {};
TEST_P(LongStoreModel, AgreesOnManyMoreOfThem) {
  for (std::uint64_t seed = 100; seed < 160; ++seed) {
    run(seed, 400);
    if (HasFatalFailure()) return;
  }
}
INSTANTIATE_TEST_SUITE_P(Stores, LongStoreModel, ::testing::ValuesIn(kDirectStores), store_name);

}  // namespace
}  // namespace holdfast
