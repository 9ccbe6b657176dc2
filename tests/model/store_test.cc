// Property: random commands and blocks, one after another, through a whole store: every answer and every row
// is the naive model's.
#include <gtest/gtest.h>

#include "service/testing/shop.h"
#include "sim/model.h"
#include "sim/prng.h"
#include "sim/workload.h"
#include "tests/support/model_store.h"
#include "tests/support/stores.h"

namespace holdfast {
namespace {

using namespace testing;

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
    const auto reply = store_->transact(block.options, std::chrono::minutes(1), [&](TransactionPort& port) {
      return run_block(block, port, results);
    });
    const auto answer = answer_of(reply);
    sim::Outcome expected;
    ASSERT_EQ(expect_block(model_, block, results, expected), "");
    ASSERT_EQ(sim::difference(expected, answer), "") << "a block of " << block.steps.size() << " steps";
    ASSERT_EQ(model_.broken_law(), "");
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
