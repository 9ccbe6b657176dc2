// What was confirmed, and what has changed since: a batch with `expect` does exactly that, or nothing.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class ExpectTest : public ConformanceTest {
 protected:
  ExpectTest() {
    for (const auto* key : {"a", "b", "c", "d"}) run(ledger, hold(key, "alice", "shop", 1'000, "g"));
  }
  /// The same command, held to what its dry run comes to.
  [[nodiscard]] Command confirmed(const Command& command) {
    return expecting(command, std::get<Settlement>(run(ledger, dry(command)).result).totals);
  }
  /// Refused as not expected, and nothing is changed.
  void expect_refused(const Command& command) {
    const auto before = contents(ledger);
    EXPECT_EQ(code_of(reject(command)), "not_as_expected");
    EXPECT_EQ(contents(ledger), before);
  }
};
HOLDFAST_ON_EVERY_STORE(ExpectTest);

TEST_P(ExpectTest, WhatTheDryRunShowedIsDone) {
  const auto some = confirmed(release({"a"}));
  EXPECT_EQ(split(settle(ledger, some)), "EUR 1 of 1000: 50 / 30 / 920");
  const auto part = confirmed(release_part("part", "b", 250));
  EXPECT_EQ(split(settle(ledger, part)), "EUR 1 of 250: 13 / 8 / 229");
  const auto rest = confirmed(refund_group("g"));
  EXPECT_EQ(split(settle(ledger, rest)), "EUR 3 of 2750: 0 / 0 / 0");
  EXPECT_EQ(split(settle(ledger, confirmed(refund_group("g")))), "") << "nothing, as expected";
}

TEST_P(ExpectTest, WhateverHappenedToTheGroupMeanwhile) {
  const std::vector<std::pair<const char*, Command>> changes = {
      {"another is held", hold("e", "alice", "shop", 5, "g")},
      {"one is refunded", refund({"a"})},
      {"one is released", release({"b"})},
      {"a part is paid back", refund_part("part", "c", 1)},
      {"one is frozen", freeze("d")},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    const auto releasing = confirmed(release_group("g"));
    const auto refunding = confirmed(refund_group("g"));
    run(ledger, change);
    expect_refused(releasing);
    expect_refused(refunding);
    expect_refused(changed<Release>(releasing, [](Release& op) { op.close = true; }));
    EXPECT_TRUE(must(ledger.group("g")).open);
  }
  EXPECT_EQ(split(settle(ledger, confirmed(release_group("g")))), "EUR 2 of 1004: 50 / 30 / 924");
}

TEST_P(ExpectTest, AnotherSplitOfTheSameAmountIsNotWhatWasConfirmed) {
  run(ledger, plan("other", "0.01", "0.01"));
  const auto releasing =
      confirmed(changed<Release>(release_group("g"), [](Release& op) { op.fee_plan = "other"; }));
  run(ledger, plan("other", "0.02", "0.01"));
  expect_refused(releasing);
}

TEST_P(ExpectTest, OfEveryCurrency) {
  run(ledger, open("jpy:fees", AccountKind::platform, currency("JPY")));
  run(ledger, changed<DefineFeePlan>(plan("yen", "0.1", "0", currency("JPY")), [](DefineFeePlan& op) {
        op.commission.to = op.processor_fee.to = "jpy:fees";
      }));
  run(ledger, open("yuki", AccountKind::user, currency("JPY")));
  run(ledger, open("mise", AccountKind::beneficiary, currency("JPY")));
  run(ledger, deposit("yen:1", "yuki", 500));
  const auto before = confirmed(release_group("g"));
  run(ledger, hold("yen:2", "yuki", "mise", 500, "g", "yen"));
  expect_refused(before);
  const auto both = {paid(1, 500, 50, 0, currency("JPY")), paid(4, 4'000, 200, 120)};
  expect_refused(expecting(release_group("g"), {paid(4, 4'000, 200, 120)}));
  EXPECT_EQ(settle(ledger, expecting(release_group("g"), both)).totals.size(), 2U) << "in any order";
}

TEST_P(ExpectTest, InAnAtomicItRejectsAllOrItsSavepointAlone) {
  const auto stale = expecting(release_group("g"), {paid(1, 1'000, 50, 30)});
  expect_refused(atomic({deposit("d1", "alice", 1), stale}));
  const auto answer = run(ledger, atomic({deposit("d2", "alice", 1), savepoint({stale})}));
  const auto& results = std::get<AtomicResult>(answer.result).results;
  ASSERT_FALSE(results.at(1));
  EXPECT_EQ(code_of(results.at(1).error()), "not_as_expected");
  EXPECT_EQ(must(ledger.group("g")).live, 4U);
}

TEST_P(ExpectTest, IsPartOfWhatAKeyRemembers) {
  const auto command = with_key(confirmed(release_group("g")), "close");
  run(ledger, refund({"a"}));
  expect_refused(command);
  const auto again = with_key(confirmed(release_group("g")), "close");
  EXPECT_FALSE(run(ledger, again).replayed) << "a refused command leaves its key free";
  EXPECT_TRUE(run(ledger, again).replayed) << "the first answer, though nothing would be released now";
  for (const auto& other : {command, with_key(release_group("g"), "close")}) {
    const auto error = reject(other);
    EXPECT_EQ(code_of(error), "idempotency_conflict");
    EXPECT_EQ(error.fields, std::vector<std::string>{"expect"});
  }
}

TEST_P(ExpectTest, ChunksAreHeldToItAtTheirBeginning) {
  for (const std::uint32_t size : {1U, 3U, 4U, 100U}) {
    const auto key = fmt::format("c{}", size);
    const auto group = fmt::format("of{}", size);
    for (int i = 0; i < 4; ++i)
      run(ledger, hold(fmt::format("{}:{}", group, i), "alice", "shop", 1'000, group));
    const auto stale = confirmed(chunked<Release>(key, group, size));
    run(ledger, freeze(fmt::format("{}:3", group)));
    expect_refused(stale);
    const auto now = confirmed(chunked<Release>(key, group, size));
    EXPECT_EQ(split(settle(ledger, now)), "EUR 3 of 3000: 150 / 90 / 2760") << size;
    EXPECT_TRUE(run(ledger, now).replayed);
    const auto left = confirmed(chunked<Refund>(key + ":again", group, size));
    EXPECT_EQ(split(settle(ledger, left)), "") << size;
  }
}

}  // namespace
}  // namespace holdfast
