// A block of the caller's own code stays open for as long as he likes: what others commit meanwhile has its
// place before the block, so the block must have seen it, or kept it out.
#include <future>

#include "postgres/libpq_session.h"
#include "tests/races/two_stores.h"

namespace holdfast {
namespace {

class BlockRaces : public ::testing::Test {
 protected:
  BlockRaces() { session_ = must(postgres::connect(two.place().conninfo())); }

  /// Runs a command in the other store; returns when it is answered, or waits for a lock that this block has.
  void meanwhile(const Command& command) {
    others_.push_back(std::async(std::launch::async, [this, command] { return two.run(1, command); }));
    const std::array<postgres::Statement, 1> ask{
        {{"select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = "
          "current_database()"}}};
    const auto answered = [&] {
      return others_.back().wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    };
    while (!answered() && (*session_->run(ask))[0]->integer(0, 0) == 0) std::this_thread::yield();
  }
  /// What each step of the block is; between them others are at work.
  Result<Answer> block(const std::vector<Command>& before, const std::vector<Command>& of_others,
                       const std::vector<Command>& after) {
    std::vector<Command> done;
    Ledger ledger = two.place().open();
    auto answer = ledger.atomic(
        [&](Transaction& transaction) -> Result<void> {
          for (const auto& command : before) {
            if (transaction.execute(command)) done.push_back(command);
          }
          for (const auto& command : of_others) meanwhile(command);
          for (const auto& command : after) {
            if (transaction.execute(command)) done.push_back(command);
          }
          return {};
        },
        {.options = {}, .time_limit = std::chrono::minutes(1)});
    for (auto& other : others_) other.wait();
    if (answer || answer.error().code != ErrorCode::busy) two.order().record(atomic(done), answer);
    return answer;
  }

  TwoStores two;

 private:
  std::unique_ptr<postgres::Session> session_;
  std::vector<std::future<Result<Answer>>> others_;
};

TEST_F(BlockRaces, AnAccountThatWasEmptiedIsNotClosedOverMoneyThatCameInMeanwhile) {
  must(two.run(0, deposit("d", "bob", 100)));
  ASSERT_TRUE(block({withdraw("w", "bob", 100)}, {deposit("late", "bob", 5)}, {close_account("bob")}));
  const auto row = must(two.store().account("bob"));
  EXPECT_TRUE(row.open || row.available == Amount()) << row.available.minor();
  two.check();
}

TEST_F(BlockRaces, AnAccountIsNotClosedOverAnEscrowThatNamesItSinceTheBlockBegan) {
  must(two.run(0, open("stall", AccountKind::beneficiary)));
  ASSERT_TRUE(block({transfer("t", "alice", "bob", 1), open("stall", AccountKind::beneficiary)},
                    {hold("late", "alice", "stall", 5)}, {close_account("stall")}));
  two.check();
}

TEST_F(BlockRaces, AGroupThatWasReleasedTakesNoHoldUnseen) {
  two.fill("g", 5);
  ASSERT_TRUE(
      block({release_group("g")}, {hold("late", "alice", "shop", 10, "g")}, {deposit("d", "bob", 1)}));
  two.check();
}

TEST_F(BlockRaces, AGroupReleasedTwiceInABlock) {
  two.fill("g", 5);
  ASSERT_TRUE(block({release_group("g")}, {hold("late", "alice", "shop", 10, "g")}, {release_group("g")}));
  two.check();
}

TEST_F(BlockRaces, ABlockThatRestsOnAnAbsentNameIsGivenUpOnceThatIsMade) {
  const auto answer = block({skip_release({"late"}), deposit("d", "bob", 1)},
                            {hold("late", "alice", "shop", 10)}, {deposit("e", "bob", 1)});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::busy) << answer.error().message;
  two.check();
}

TEST_F(BlockRaces, ABlockThatRestsOnAnAbsentNameStandsWhereNobodyMakesIt) {
  ASSERT_TRUE(block({skip_release({"late"}), deposit("d", "bob", 1)}, {hold("other", "alice", "shop", 10)},
                    {deposit("e", "bob", 1)}));
  two.check();
}

TEST_F(BlockRaces, ABalanceThatWasTooSmallIsReadAgain) {
  ASSERT_TRUE(block({transfer("t1", "bob", "alice", 100), deposit("d", "alice", 1)},
                    {deposit("late", "bob", 100)}, {transfer("t2", "bob", "alice", 100)}));
  two.check();
}

TEST_F(BlockRaces, EscrowsOfTheBlockAreKeptFromOthers) {
  two.fill("g", 3);
  ASSERT_TRUE(block({release({"g:0"}), freeze("g:1")}, {refund({"g:0"}), release({"g:1"}), refund({"g:2"})},
                    {skip_release({"g:1", "g:2"}), resolve("r", "g:1", 0, 0), release({"g:1"})}));
  two.check();
}

TEST_F(BlockRaces, APlanIsTheOneOfItsPlaceInTheOrder) {
  ASSERT_TRUE(block({hold("a", "alice", "shop", 100)}, {plan("standard", "0.1", "0.1")},
                    {hold("b", "alice", "shop", 100)}));
  two.check();
}

// Why a part was rolled back is recorded: it must be right at the block's place in the order.
TEST_F(BlockRaces, AKeyThatWasFreeInARolledBackPartIsUsedByAnotherMeanwhile) {
  const auto part = atomic({savepoint({deposit("k", "bob", 1), freeze("none")}), deposit("d", "bob", 1)});
  (void)block({part}, {deposit("k", "alice", 5)}, {deposit("e", "bob", 1)});
  two.check();
}

TEST_F(BlockRaces, AKeyUsedByAnotherMeanwhile) {
  const auto answer =
      block({deposit("before", "bob", 1)}, {deposit("k", "bob", 5)}, {deposit("k", "bob", 5)});
  EXPECT_TRUE(answer || answer.error().code == ErrorCode::busy) << answer.error().message;
  EXPECT_EQ(two.available("bob"), answer ? 6 : 5);
}

}  // namespace
}  // namespace holdfast
