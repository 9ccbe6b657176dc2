// Keys, dry runs and atomics: what happens around a decision.
#include "ledger/execute.h"

#include <fmt/core.h>

#include "ledger/testing/book.h"

namespace holdfast {
namespace {

using namespace testing;

using Execute = Market;

const std::vector<std::expected<CommandResult, Error>>& results(const CommandResult& result) {
  return std::get<AtomicResult>(result).results;
}

// ---- keys

TEST_F(Execute, ARejectedCommandLeavesItsKeyFree) {
  book.reject(withdraw("k", "carol", 5));
  book.accept(deposit("d", "carol", 5));
  book.accept(withdraw("k", "carol", 5));
  EXPECT_TRUE(book.recorded());
}

TEST_F(Execute, WhoAsksAgainDoesNotMakeItAnotherRequest) {
  auto command = deposit("k", "alice", 5);
  command.options.actor = "web";
  book.accept(command);
  command.options.actor = "batch";
  book.accept(command);
  EXPECT_TRUE(book.replayed());
  command.options.reference = "invoice:7";
  EXPECT_EQ(book.reject(command).fields, std::vector<std::string>{"reference"});
}

TEST_F(Execute, AConflictNamesTheOperationToo) {
  book.accept(deposit("k", "alice", 5));
  EXPECT_EQ(book.reject(withdraw("k", "alice", 5)).fields, std::vector<std::string>{"op"});
  EXPECT_EQ(book.reject(hold("k", "alice", "shop", 5)).fields.front(), "op");
}

TEST_F(Execute, TheFirstAnswerComesEvenWhenTheStateHasMovedOn) {
  book.accept(with_key(plan("p", "0.1", "0"), "k"));
  book.accept(plan("p", "0.2", "0"));
  EXPECT_EQ(std::get<PlanResult>(book.accept(with_key(plan("p", "0.1", "0"), "k"))).version, 1u);
  EXPECT_TRUE(book.replayed());
}

TEST_F(Execute, APastCommandThatCannotBeReadIsAnErrorNotANewEffect) {
  book.accept(deposit("k", "alice", 5));
  book.rows.break_past_commands(Error{ErrorCode::storage_failed, "the disk is gone", {}, {}, {}, {}});
  EXPECT_EQ(book.reject(deposit("k", "alice", 5)).code, ErrorCode::storage_failed);
  EXPECT_EQ(book.reject(atomic({savepoint({deposit("k", "alice", 5)})})).code, ErrorCode::storage_failed);
}

// ---- dry runs

TEST_F(Execute, ADryRunAnswersWithoutIds) {
  const auto held = book.accept(dry(hold("h", "alice", "shop", 1'000)));
  EXPECT_EQ(std::get<HoldResult>(held).escrow, std::nullopt);
  const auto nested = book.accept(dry(atomic({hold("h", "alice", "shop", 1'000), atomic({release({"h"})})})));
  EXPECT_EQ(std::get<HoldResult>(*results(nested)[0]).escrow, std::nullopt);
  const auto& inner = results(*results(nested)[1]);
  EXPECT_EQ(totals_text(std::get<Settlement>(*inner[0])), "EUR 1 of 1000: 50 / 30 / 920");
  EXPECT_FALSE(book.recorded());
}

TEST_F(Execute, ADryRunIsRejectedAsTheCommandWouldBe) {
  EXPECT_EQ(book.reject(dry(withdraw("k", "carol", 5))).code, ErrorCode::insufficient_funds);
  EXPECT_EQ(book.reject(dry(atomic({withdraw("k", "carol", 5)}))).path, std::vector<std::uint32_t>{0});
}

// ---- atomics

TEST_F(Execute, EachPartSeesTheOnesBefore) {
  const auto result = book.accept(
      atomic({open("dave"), deposit("d", "dave", 500), hold("h", "dave", "shop", 500), release({"h"})}));
  EXPECT_EQ(results(result).size(), 4u);
  EXPECT_EQ(book.events().back().seq, Seq(book.events().size()));
  EXPECT_EQ(book.available("shop"), 460);
}

TEST_F(Execute, AnAtomicOpensAnAccountOfACurrencyOfItsOwnAndFillsIt) {
  book.accept(atomic({open("yen", AccountKind::user, currency("JPY")), deposit("d", "yen", 500)}));
  EXPECT_EQ(book.available("external:JPY"), -500);
}

TEST_F(Execute, OneBadPartTakesAllBackAndIsNamedByItsPath) {
  const auto error =
      book.reject(atomic({deposit("d", "alice", 5), atomic({open("x"), withdraw("w", "carol", 5)})}));
  EXPECT_EQ(error.code, ErrorCode::insufficient_funds);
  EXPECT_EQ(error.path, (std::vector<std::uint32_t>{1, 1}));
  EXPECT_FALSE(book.rows.key_used("d"));
}

TEST_F(Execute, ASavepointIsRolledBackAloneAndItsKeysAreFreeAgain) {
  const auto result = book.accept(
      atomic({deposit("one", "alice", 5), savepoint({deposit("two", "alice", 7), withdraw("w", "carol", 5)}),
              deposit("two", "bob", 9)}));
  ASSERT_EQ(results(result).size(), 3u);
  ASSERT_FALSE(results(result)[1]);
  EXPECT_EQ(results(result)[1].error().code, ErrorCode::insufficient_funds);
  EXPECT_EQ(results(result)[1].error().path, std::vector<std::uint32_t>{1});
  EXPECT_EQ(book.available("alice"), 100'005);
  EXPECT_EQ(book.available("bob"), 100'009);
}

TEST_F(Execute, ASavepointInASavepoint) {
  book.accept(atomic({savepoint({deposit("a", "alice", 1), savepoint({withdraw("w", "carol", 5)})}),
                      savepoint({savepoint({deposit("b", "alice", 2)}), withdraw("w", "carol", 5)})}));
  EXPECT_EQ(book.available("alice"), 100'001);
  EXPECT_FALSE(book.rows.key_used("b"));
}

TEST_F(Execute, AnAtomicOfNothingNewIsNotRecordedWithoutAKey) {
  const auto result = book.accept(atomic({open("alice"), savepoint({withdraw("w", "carol", 5)})}));
  EXPECT_FALSE(book.recorded());
  EXPECT_EQ(results(result).size(), 2u);
  book.accept(atomic({}));
  EXPECT_FALSE(book.recorded());
  book.accept(with_key(atomic({open("alice")}), "k"));
  EXPECT_TRUE(book.recorded());
}

TEST_F(Execute, AKeyedAtomicTakesEffectOnce) {
  const auto command =
      with_key(atomic({deposit("part", "alice", 5), transfer("t", "alice", "bob", 5)}), "whole");
  book.accept(command);
  const auto again = book.accept(command);
  EXPECT_TRUE(book.replayed());
  EXPECT_EQ(results(again).size(), 2u);
  EXPECT_EQ(book.available("bob"), 100'005);
  EXPECT_EQ(book.reject(with_key(atomic({deposit("part", "alice", 5)}), "whole")).fields,
            std::vector<std::string>{"commands"});
}

TEST_F(Execute, AKeyOfAPartIsThatOfThePartAlone) {
  book.accept(atomic({deposit("part", "alice", 5)}));
  book.accept(deposit("part", "alice", 5));
  EXPECT_TRUE(book.replayed());
  EXPECT_EQ(book.available("alice"), 100'005);
}

TEST_F(Execute, AUsedKeyInsideAnAtomicIsReplayedAndPostsNothing) {
  const auto first = book.accept(hold("h", "alice", "shop", 1'000));
  const auto result = book.accept(atomic({hold("h", "alice", "shop", 1'000), deposit("d", "alice", 5)}));
  EXPECT_EQ(std::get<HoldResult>(*results(result)[0]), std::get<HoldResult>(first));
  const auto& entries = std::get<AtomicDone>(book.events().back().entry.body).entries;
  ASSERT_TRUE(std::holds_alternative<Replayed>(entries[0]->body));
  EXPECT_EQ(std::get<Replayed>(entries[0]->body).original, Seq(book.events().size() - 1));
  EXPECT_EQ(book.held("alice"), 1'000);
  const auto error = book.reject(atomic({hold("h", "alice", "shop", 2'000)}));
  EXPECT_EQ(error.code, ErrorCode::idempotency_conflict);
}

TEST_F(Execute, TheKeyOfAnAtomicIsNotThatOfItsPart) {
  EXPECT_EQ(book.reject(with_key(atomic({deposit("k", "alice", 5)}), "k")).code,
            ErrorCode::idempotency_conflict);
  const auto nested = with_key(atomic({with_key(atomic({deposit("d", "alice", 5)}), "inner")}), "outer");
  book.accept(nested);
  EXPECT_TRUE(book.rows.key_used("inner"));
  EXPECT_TRUE(book.rows.key_used("outer"));
}

// Once it ended the atomic around it: found by commands of many sessions, replayed on the model.
TEST_F(Execute, ASavepointWhoseOwnKeyIsTakenIsRolledBackAlone) {
  book.accept(with_key(atomic({deposit("one", "alice", 5)}), "taken"));
  const auto result = book.accept(
      atomic({deposit("two", "alice", 7), with_key(savepoint({deposit("x", "alice", 1)}), "taken")}));
  EXPECT_TRUE(results(result)[0]);
  ASSERT_FALSE(results(result)[1]);
  EXPECT_EQ(results(result)[1].error().code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(book.available("alice"), 100'012);
  EXPECT_FALSE(book.rows.key_used("x"));
  // Without its own say in it, the atomic around it ends.
  EXPECT_EQ(book.reject(atomic({with_key(atomic({deposit("y", "alice", 1)}), "taken")})).code,
            ErrorCode::idempotency_conflict);
}

TEST_F(Execute, TheWholeBalanceIsNotSpentTwiceInOneAtomic) {
  const auto error =
      book.reject(atomic({transfer("x", "alice", "bob", 100'000), transfer("y", "alice", "carol", 100'000)}));
  EXPECT_EQ(error.code, ErrorCode::insufficient_funds);
}

TEST_F(Execute, OneEventSettlesAtMostAMillionEscrows) {
  // Each release of the group is within the limit; together they are not.
  class Wide final : public MapRows {
   public:
    explicit Wide(const MapRows& rows) : MapRows(rows) {}
    void group_escrows(GroupId, EscrowId, EscrowId, std::size_t, std::vector<EscrowId>& out) const override {
      out.assign(400'000, *find_escrow("h"));
    }
    void apply(const Entry&, Seq, Timestamp) override {}
  };
  book.accept(hold("h", "alice", "shop", 1'000, "g"));
  Wide rows(book.rows);
  Workspace workspace;
  const auto decision = execute(atomic({release_group("g"), release_group("g"), release_group("g")}), rows,
                                {Seq(9), {}}, workspace);
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().code, ErrorCode::batch_too_large);
  EXPECT_EQ(decision.error().path, std::vector<std::uint32_t>{2});
}

// ---- blocks of the caller's own code

Options keyed(std::string key) {
  Options options;
  options.key = std::move(key);
  return options;
}

TEST_F(Execute, ABlockIsOneEvent) {
  const auto decision = book.block(keyed("block"), [&](OpenAtomic& atomic) {
    EXPECT_TRUE(atomic.execute(hold("h", "alice", "shop", 1'000)));
    EXPECT_TRUE(atomic.execute(release({"h"})));
    EXPECT_FALSE(atomic.execute(withdraw("w", "carol", 5)));  // and the block goes on
    EXPECT_TRUE(atomic.execute(deposit("d", "carol", 5)));
  });
  ASSERT_TRUE(decision);
  EXPECT_EQ(std::get<AtomicDone>(book.events().back().entry.body).entries.size(), 3u);
  EXPECT_EQ(book.available("shop"), 920);
  EXPECT_TRUE(book.rows.key_used("block"));
  EXPECT_TRUE(book.rows.key_used("h"));
}

TEST_F(Execute, ABlockThatIsNotFinishedLeavesNothing) {
  Workspace workspace;
  {
    OpenAtomic atomic(book.rows, {Seq(50), {}}, workspace);
    EXPECT_TRUE(atomic.execute(deposit("d", "alice", 5)));
    atomic.savepoint();
    EXPECT_TRUE(atomic.execute(deposit("e", "alice", 5)));
  }
  EXPECT_EQ(book.available("alice"), 100'000);
  EXPECT_EQ(book.rows.open_marks(), 0u);
}

TEST_F(Execute, SavepointsOfABlock) {
  const auto decision = book.block({}, [&](OpenAtomic& atomic) {
    atomic.savepoint();
    EXPECT_TRUE(atomic.execute(deposit("kept", "alice", 1)));
    atomic.release_savepoint();
    atomic.savepoint();
    EXPECT_TRUE(atomic.execute(deposit("again", "alice", 10)));
    atomic.rollback_savepoint(Error{ErrorCode::aborted, "changed my mind", {}, {}, {}, {}});
    EXPECT_TRUE(atomic.execute(deposit("again", "alice", 100)));
  });
  ASSERT_TRUE(decision);
  EXPECT_EQ(book.available("alice"), 100'101);
  const auto& entries = std::get<AtomicDone>(book.events().back().entry.body).entries;
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[1].error().message, "changed my mind");
}

TEST_F(Execute, SavepointsDeeperThanAnEventNests) {
  const auto decision = book.block({}, [&](OpenAtomic& atomic) {
    for (int i = 0; i < 40; ++i) atomic.savepoint();
    EXPECT_TRUE(atomic.execute(deposit("deep", "alice", 1)));
    EXPECT_EQ(atomic.execute(savepoint({open("x")})).error().code, ErrorCode::invalid_command);
    for (int i = 0; i < 40; ++i) atomic.release_savepoint();
  });
  ASSERT_TRUE(decision);  // that it can be encoded and read again is checked for every event
  EXPECT_EQ(book.available("alice"), 100'001);
}

TEST_F(Execute, ABlockThatChangedNothingStillAnswers) {
  const auto decision =
      book.block({}, [&](OpenAtomic& atomic) { EXPECT_TRUE(atomic.execute(open("alice"))); });
  ASSERT_TRUE(decision);
  EXPECT_EQ(results(std::get<Unrecorded>(*decision).result).size(), 1u);
}

TEST_F(Execute, ABlocksKeyIsLookedUpBeforeItBegins) {
  EXPECT_EQ(OpenAtomic::look_up(keyed("b"), book.rows).value(), std::nullopt);
  ASSERT_TRUE(book.block(keyed("b"), [&](OpenAtomic& atomic) { EXPECT_TRUE(atomic.execute(open("dave"))); }));
  const auto past = OpenAtomic::look_up(keyed("b"), book.rows);
  ASSERT_TRUE(past && *past);
  EXPECT_EQ((*past)->seq, Seq(book.events().size()));
  auto other = keyed("b");
  other.reason = "something else";
  EXPECT_EQ(OpenAtomic::look_up(other, book.rows).error().fields, std::vector<std::string>{"reason"});
  EXPECT_EQ(OpenAtomic::look_up(keyed("d:alice"), book.rows).error().code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(OpenAtomic::look_up(keyed("no key"), book.rows).error().code, ErrorCode::invalid_command);
  EXPECT_EQ(OpenAtomic::look_up({}, book.rows).value(), std::nullopt);
}

TEST_F(Execute, ABlocksKeyTakenByItsOwnCommandIsAConflict) {
  const auto decision = book.block(
      keyed("k"), [&](OpenAtomic& atomic) { EXPECT_TRUE(atomic.execute(deposit("k", "alice", 5))); });
  ASSERT_FALSE(decision);
  EXPECT_EQ(decision.error().code, ErrorCode::idempotency_conflict);
  EXPECT_EQ(book.available("alice"), 100'000);
}

TEST_F(Execute, NeitherDryRunsNorChunksStandInABlock) {
  ASSERT_TRUE(book.block({}, [&](OpenAtomic& atomic) {
    EXPECT_EQ(atomic.execute(dry(open("x"))).error().code, ErrorCode::invalid_command);
    EXPECT_EQ(atomic.execute(chunked<Release>("c", "g", 5)).error().code, ErrorCode::invalid_command);
  }));
}

}  // namespace
}  // namespace holdfast
