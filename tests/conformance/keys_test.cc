// Keys: once, the first answer again, and conflicts that name what differs.
#include <algorithm>
#include <atomic>
#include <future>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class KeysTest : public ConformanceTest {
 protected:
  KeysTest() {
    for (const auto* key : {"a", "b", "c", "d", "frozen"})
      run(ledger, hold(key, "alice", "shop", 1'000, "g"));
    run(ledger, freeze("frozen"));
    run(ledger, open("empty"));
  }
};
HOLDFAST_ON_EVERY_STORE(KeysTest);

std::string text(const CommandResult& result) {
  if (const auto* held = std::get_if<HoldResult>(&result))
    return fmt::format("hold {}", held->escrow->value());
  if (const auto* plan = std::get_if<PlanResult>(&result)) return fmt::format("plan {}", plan->version);
  if (const auto* settled = std::get_if<Settlement>(&result)) {
    return fmt::format("{} to {} without {}", split(*settled), settled->to_payer.minor(),
                       holdfast::text(settled->skipped));
  }
  if (const auto* atomic = std::get_if<AtomicResult>(&result)) {
    std::string all = "[";
    for (const auto& part : atomic->results) {
      all += part ? text(*part) : fmt::format("{}: {}", code_of(part.error()), part.error().message);
      all += "; ";
    }
    return all + "]";
  }
  return "nothing";
}

TEST_P(KeysTest, EveryCommandIsReplayedWithItsFirstAnswer) {
  const std::vector<Command> commands = {
      open("carol"),
      close_account("empty"),
      plan("standard", "0.08", "0.03"),
      deposit("", "alice", 5),
      withdraw("", "alice", 5),
      transfer("", "alice", "bob", 5),
      hold("", "alice", "shop", 500, "g"),
      reschedule("a", Timestamp{1}),
      release({"a"}),
      skip_release({"a", "b", "none"}),
      refund({"c"}),
      freeze("d"),
      resolve("", "frozen", 100, 200),
      close_group("g"),
      reopen_group("g"),
      release_group("g"),
      atomic({with_key(deposit("", "alice", 1), "inner:1"),
              savepoint({with_key(hold("", "alice", "shop", 1'000'000), "inner:2")}),
              with_key(hold("", "alice", "shop", 70), "inner:3")}),
      open("alice"),  // changes nothing
  };
  std::vector<Answer> first;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    SCOPED_TRACE(op_name(commands[i].operation));
    auto answer = ledger.execute(with_key(commands[i], fmt::format("k:{}", i)));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_FALSE(answer->replayed);
    EXPECT_TRUE(answer->event_id);
    first.push_back(std::move(*answer));
  }
  const auto before = contents(ledger);
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      SCOPED_TRACE(op_name(commands[i].operation));
      auto again = commands[i];
      again.options.actor = "somebody:else";  // who asks again is not what is asked
      const auto answer = run(ledger, with_key(again, fmt::format("k:{}", i)));
      EXPECT_TRUE(answer.replayed);
      EXPECT_EQ(answer.event_id, first[i].event_id);
      EXPECT_TRUE(answer.seq) << "what is sealed has its seq in a replay";
      EXPECT_EQ(text(answer.result), text(first[i].result));
    }
    EXPECT_EQ(contents(ledger), before);
    reopen();
  }
}

TEST_P(KeysTest, OtherContentIsAConflictThatNamesTheFields) {
  run(ledger, hold("h", "alice", "shop", 500, "g"));
  struct Row {
    Command command;
    std::vector<std::string> fields;
  };
  const std::vector<Row> rows = {
      {hold("h", "alice", "shop", 501, "g"), {"amount"}},
      {hold("h", "bob", "shop", 500, "g"), {"payer"}},
      {hold("h", "alice", "shop", 500, "other"), {"group"}},
      {hold("h", "bob", "shop", 500), {"payer", "group"}},
      {hold("h", "alice", "shop", 500, "g", "other"), {"fee_plan"}},
      {changed<Hold>(hold("h", "alice", "shop", 500, "g"), [](Hold& op) { op.release_at = Timestamp{5}; }),
       {"release_at"}},
  };
  const auto before = contents(ledger);
  for (const auto& [command, fields] : rows) {
    auto error = reject(command);
    EXPECT_EQ(code_of(error), "idempotency_conflict");
    std::ranges::sort(error.fields);
    auto wanted = fields;
    std::ranges::sort(wanted);
    EXPECT_EQ(error.fields, wanted);
  }
  EXPECT_EQ(code_of(reject(deposit("h", "alice", 500))), "idempotency_conflict");
  auto with_reason = hold("h", "alice", "shop", 500, "g");
  with_reason.options.reference = "another";
  EXPECT_EQ(reject(with_reason).fields, std::vector<std::string>{"reference"});
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(KeysTest, ARejectedCommandLeavesItsKeyFree) {
  EXPECT_EQ(code_of(reject(hold("h", "alice", "shop", 1'000'000))), "insufficient_funds");
  EXPECT_EQ(code_of(must_fail(ledger.escrow(ref("h")))), "escrow_not_found");
  EXPECT_FALSE(run(ledger, hold("h", "alice", "shop", 10)).replayed);
}

TEST_P(KeysTest, InsideAnAtomicAKeyWorksTheSame) {
  const auto first = run(ledger, deposit("k", "alice", 5));
  const auto answer = run(ledger, atomic({deposit("k", "alice", 5), deposit("l", "alice", 7)}));
  ASSERT_EQ(std::get<AtomicResult>(answer.result).results.size(), 2U);
  EXPECT_EQ(available(ledger, "alice"), 100'000 - 5'000 + 12) << "the replayed one posted nothing";
  EXPECT_TRUE(run(ledger, deposit("l", "alice", 7)).replayed) << "a key inside is a key outside";
  const auto error = reject(atomic({deposit("m", "alice", 1), deposit("k", "alice", 6)}));
  EXPECT_EQ(code_of(error), "idempotency_conflict");
  EXPECT_EQ(error.path, std::vector<std::uint32_t>{1});
  EXPECT_FALSE(run(ledger, deposit("m", "alice", 1)).replayed) << "the outer one took nothing";
  EXPECT_EQ(first.replayed, false);
}

TEST_P(KeysTest, AKeyThatHeldNothingNamesNoEscrow) {
  run(ledger, deposit("no:hold", "alice", 1));
  EXPECT_EQ(code_of(reject(release({"no:hold"}))), "escrow_not_found");
  EXPECT_EQ(code_of(reject(freeze("no:hold"))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.escrow(ref("no:hold")))), "escrow_not_found");
  const auto settled = settle(ledger, skip_refund({"no:hold", "a"}));
  EXPECT_EQ(holdfast::text(settled.skipped), "no:hold:escrow_not_found");
  const auto answer = run(ledger, atomic({deposit("in:1", "alice", 1), savepoint({release({"no:hold"})}),
                                          deposit("in:2", "alice", 1), savepoint({release({"in:1"})})}));
  EXPECT_EQ(std::get<AtomicResult>(answer.result).results.size(), 4U);
}

TEST_P(KeysTest, TwiceInOneAtomic) {
  const auto answer =
      run(ledger, atomic({hold("twice", "alice", "shop", 5), hold("twice", "alice", "shop", 5)}));
  const auto& results = std::get<AtomicResult>(answer.result).results;
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(std::get<HoldResult>(*results[0]).escrow, std::get<HoldResult>(*results[1]).escrow);
  EXPECT_EQ(held(ledger, "alice"), 5'000 + 5);
  const auto error = reject(atomic({deposit("x", "alice", 5), deposit("x", "alice", 6)}));
  EXPECT_EQ(code_of(error), "idempotency_conflict");
  EXPECT_FALSE(run(ledger, deposit("x", "alice", 5)).replayed);
}

TEST_P(KeysTest, ARolledBackSavepointFreesItsKeys) {
  const auto answer =
      run(ledger, atomic({savepoint({hold("s", "alice", "shop", 100), withdraw("w", "bob", 100'001)}),
                          hold("s", "alice", "shop", 200), savepoint({hold("t", "alice", "shop", 300)})}));
  const auto& results = std::get<AtomicResult>(answer.result).results;
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(code_of(results[0].error()), "insufficient_funds");
  EXPECT_EQ(escrow("s").amount, Amount(200));
  EXPECT_EQ(escrow("t").amount, Amount(300));
  EXPECT_FALSE(run(ledger, withdraw("w", "bob", 1)).replayed);
}

TEST_P(KeysTest, ManyReplaysBySubmit) {
  const auto first = run(ledger, deposit("k", "alice", 5));
  std::atomic<int> replayed{0};
  std::atomic<int> left{200};
  std::promise<void> all;
  for (int i = 0; i < 200; ++i) {
    ledger.submit(deposit("k", "alice", 5), [&](Result<Answer> answer) {
      replayed += answer && answer->replayed && answer->event_id == first.event_id;
      if (--left == 0) all.set_value();
    });
  }
  all.get_future().get();
  EXPECT_EQ(replayed, 200);
  EXPECT_EQ(available(ledger, "alice"), 95'005);
}

}  // namespace
}  // namespace holdfast
