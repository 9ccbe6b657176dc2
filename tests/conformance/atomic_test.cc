// Commands in one event, or none: nesting, savepoints, and what each command sees of those before it.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class NestedAtomicTest : public ConformanceTest {};
HOLDFAST_ON_EVERY_STORE(NestedAtomicTest);

const AtomicResult& parts(const CommandResult& result) {
  return std::get<AtomicResult>(result);
}

TEST_P(NestedAtomicTest, EachCommandSeesWhatThoseBeforeItDidAndAllIsOneEvent) {
  const auto before = seq();
  const auto answer =
      run(ledger, atomic({open("carol"), deposit("d", "carol", 1'000), plan("own", "0.1", "0"),
                          hold("h", "carol", "shop", 1'000, "g", "own"), release_part("p", "h", 400),
                          freeze("h"), resolve("r", "h", 100, 200), refund({"h"}),
                          withdraw("w", "carol", 400), close_group("g"), close_account("carol")}));
  EXPECT_EQ(seq(), before + 1);
  EXPECT_EQ(parts(answer.result).results.size(), 11U);
  EXPECT_FALSE(must(ledger.account("carol")).open);
  EXPECT_EQ(buckets("carol"), "0+0");
  EXPECT_EQ(buckets("shop"), fmt::format("{}+0", 360 + 180));
  EXPECT_EQ(must(ledger.history(ref("h"))).size(), 6U) << "a resolve is two: refunded and released";
  const auto event = must(ledger.events(Seq(before), 5)).rows.at(0);
  EXPECT_EQ(event.op, "atomic");
  EXPECT_EQ(event.escrow_count, 1U);
}

TEST_P(NestedAtomicTest, AFailureAtAnyDepthLeavesNothing) {
  const auto before = contents(ledger);
  const auto error = reject(
      atomic({open("carol"), atomic({deposit("d", "carol", 5), atomic({hold("h", "carol", "shop", 6)})}),
              deposit("e", "bob", 1)}));
  EXPECT_EQ(code_of(error), "insufficient_funds");
  EXPECT_EQ(error.path, (std::vector<std::uint32_t>{1, 1, 0}));
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(NestedAtomicTest, ASavepointRollsBackAlone) {
  const auto answer = run(
      ledger, atomic({deposit("d1", "alice", 1),
                      savepoint({open("carol"), deposit("d2", "carol", 2),
                                 hold("h", "alice", "shop", 10, "new:group"),
                                 savepoint({deposit("d3", "alice", 4)}), hold("x", "carol", "shop", 3)}),
                      hold("h", "alice", "shop", 20, "new:group"), savepoint({deposit("d5", "alice", 16)})}));
  const auto& results = parts(answer.result).results;
  ASSERT_EQ(results.size(), 4U);
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(code_of(results[1].error()), "insufficient_funds");
  EXPECT_EQ(results[1].error().path.back(), 4U);
  EXPECT_EQ(code_of(must_fail(ledger.account("carol"))), "account_not_found");
  EXPECT_EQ(buckets("alice"), "99997+20");
  EXPECT_EQ(must(ledger.group("new:group")).escrows, 1U);
}

TEST_P(NestedAtomicTest, SavepointsNestAndEachKnowsItsOwn) {
  const auto answer = run(
      ledger,
      atomic({savepoint({deposit("a", "alice", 1), savepoint({deposit("b", "alice", 2), freeze("none")}),
                         savepoint({deposit("c", "alice", 4)})}),
              savepoint({deposit("e", "alice", 8), atomic({deposit("f", "alice", 16), freeze("none")})})}));
  const auto& results = parts(answer.result).results;
  ASSERT_TRUE(results[0]);
  EXPECT_FALSE(parts(*results[0]).results[1]);
  EXPECT_TRUE(parts(*results[0]).results[2]);
  EXPECT_FALSE(results[1]);
  EXPECT_EQ(available(ledger, "alice"), 100'005);
}

TEST_P(NestedAtomicTest, RolledBackReleasesLeaveLockedEscrowsAndBalances) {
  for (int i = 0; i < 20; ++i) run(ledger, hold(fmt::format("h{}", i), "alice", "shop", 100, "g"));
  const auto answer = run(
      ledger, atomic({savepoint({release_group("g"), withdraw("w", "shop", 92 * 20), freeze("h0")}),
                      release({"h0", "h1"}), savepoint({refund_group("g"), release({"h0"})}), freeze("h2"),
                      savepoint({resolve("r", "h2", 10, 10), release({"h2"}), release({"h2"})})}));
  const auto& results = parts(answer.result).results;
  EXPECT_FALSE(results[0]);
  EXPECT_TRUE(results[1]);
  EXPECT_FALSE(results[2]);
  EXPECT_FALSE(results[4]);
  EXPECT_EQ(buckets("shop"), "184+0");
  EXPECT_EQ(buckets("alice"), "98000+1800");
  EXPECT_EQ(status(ledger, "h2"), EscrowStatus::frozen);
  EXPECT_EQ(must(ledger.group("g")).live, 18U);
}

TEST_P(NestedAtomicTest, MoneyThatCameInASavepointIsNotThereAfterIt) {
  run(ledger, open("carol"));
  const auto error = reject(
      atomic({savepoint({deposit("d", "carol", 1'000), freeze("none")}), hold("h", "carol", "shop", 1'000)}));
  EXPECT_EQ(code_of(error), "insufficient_funds");
  EXPECT_EQ(buckets("carol"), "0+0");
}

TEST_P(NestedAtomicTest, ManyCommands) {
  run(ledger, deposit("d", "alice", 1'000'000));
  std::vector<Command> all;
  for (int i = 0; i < 4'000; ++i) {
    all.push_back(hold(fmt::format("m{}", i), "alice", "shop", 100, "many"));
    if (i % 2 == 0) all.push_back(release({fmt::format("m{}", i)}));
  }
  EXPECT_EQ(parts(run(ledger, atomic(all)).result).results.size(), 6'000U);
  EXPECT_EQ(buckets("alice"), fmt::format("{}+200000", 1'100'000 - 400'000));
  EXPECT_EQ(buckets("shop"), fmt::format("{}+0", 2'000 * 92));
}

TEST_P(NestedAtomicTest, AnEmptyOneChangesNothing) {
  const auto before = contents(ledger);
  const auto answer = ledger.execute(atomic({}));
  if (answer) {
    EXPECT_FALSE(answer->event_id);
  }
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(NestedAtomicTest, AcrossManyAccountsInBothDirections) {
  for (int i = 0; i < 10; ++i) run(ledger, open(fmt::format("u{}", i)));
  std::vector<Command> ring{deposit("seed", "u0", 100)};
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) {
      ring.push_back(transfer(fmt::format("r{}:{}", round, i), fmt::format("u{}", i),
                              fmt::format("u{}", (i + 1) % 10), 100));
    }
  }
  run(ledger, atomic(ring));
  EXPECT_EQ(buckets("u0"), "100+0");
  for (int i = 1; i < 10; ++i) EXPECT_EQ(buckets(fmt::format("u{}", i)), "0+0");
}

}  // namespace
}  // namespace holdfast
