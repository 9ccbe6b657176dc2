// Bad text is the caller's mistake on every store: a rejection, never a failed store, and those who share a
// transaction with it are not hurt.
#include <atomic>
#include <future>
#include <limits>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

using namespace std::string_literals;

class TextTest : public ConformanceTest {
 protected:
  TextTest() { run(ledger, hold("h", "alice", "shop", 1'000, "g")); }
};
HOLDFAST_ON_EVERY_STORE(TextTest);

std::vector<std::string> bad_texts() {
  return {"a\0b"s,
          "\0"s,
          "\xff"s,
          "a\xff"s,
          "\xc3"s,
          "\xc3\x28"s,
          "\xed\xa0\x80"s,
          "a b"s,
          "a\nb"s,
          "\x7f"s,
          std::string(256, 'a'),
          std::string(1 << 20, 'a'),
          "'; drop"s,
          "é"s,
          "\\"s + "\0"s,
          "{a,b}"s + " "s};
}

std::vector<Command> commands_with(const std::string& bad) {
  EscrowRef by_key{EscrowId(), bad};
  return {open(bad),
          close_account(bad),
          plan(bad, "0.1", "0.1"),
          changed<DefineFeePlan>(plan("p", "0.1", "0"), [&](auto& op) { op.commission.to = bad; }),
          deposit(bad, "alice", 1),
          deposit("k", bad, 1),
          deposit("k", "alice", 1, bad),
          withdraw("k", bad, 1),
          transfer("k", bad, "alice", 1),
          transfer("k", "alice", bad, 1),
          hold(bad, "alice", "shop", 1),
          hold("k", bad, "shop", 1),
          hold("k", "alice", bad, 1),
          hold("k", "alice", "shop", 1, bad),
          hold("k", "alice", "shop", 1, "g", bad),
          {Reschedule{by_key, {}, {}}, {}},
          release({bad}),
          release({"h", bad}),
          skip_release({bad, "h"}),
          release_group(bad),
          release_under("h", bad),
          refund({bad}),
          refund_group(bad),
          chunked<Refund>(bad, "g", 2),
          chunked<Refund>("k", bad, 2),
          {Freeze{by_key}, {}},
          with_key({Resolve{by_key, Amount(), Amount()}, {}}, "k"),
          close_group(bad),
          reopen_group(bad),
          atomic({deposit("k", "alice", 1), savepoint({open(bad)})}),
          with_key(atomic({deposit("k", "alice", 1)}), bad)};
}

TEST_P(TextTest, InAnyFieldOfAnyCommandItIsInvalid) {
  const auto before = contents(ledger);
  for (const auto& bad : bad_texts()) {
    for (const auto& command : commands_with(bad)) {
      const auto answer = ledger.execute(command);
      ASSERT_FALSE(answer) << op_name(command.operation);
      EXPECT_EQ(code_of(answer.error()), "invalid_command")
          << op_name(command.operation) << ": " << answer.error().message;
    }
    for (const auto member : {&Options::actor, &Options::reference}) {
      auto command = deposit("k", "alice", 1);
      command.options.*member = bad;
      EXPECT_EQ(code_of(reject(command)), "invalid_command");
    }
  }
  for (const auto& bad : {"a\0b"s, "\xff"s, "\xc3\x28"s, "a\nb"s, std::string(256, 'a')}) {
    auto command = deposit("k", "alice", 1);
    command.options.reason = bad;
    EXPECT_EQ(code_of(reject(command)), "invalid_command");
  }
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(TextTest, InABlockItIsInvalidAndTheBlockGoesOn) {
  must(ledger.atomic([&](Transaction& transaction) -> Result<void> {
    for (const auto& bad : {"a\0b"s, "\xff"s, std::string(256, 'a')}) {
      for (const auto& command : commands_with(bad)) {
        EXPECT_EQ(code_of(must_fail(transaction.execute(command))), "invalid_command");
      }
    }
    must(transaction.execute(deposit("k", "alice", 1)));
    return {};
  }));
  EXPECT_EQ(available(ledger, "alice"), 99'001);
  const AtomicOptions bad_key{.options = {.key = "a\0b"s}};
  EXPECT_EQ(code_of(must_fail(ledger.atomic([](Transaction&) -> Result<void> { return {}; }, bad_key))),
            "invalid_command");
}

TEST_P(TextTest, InAQueryItNamesNothing) {
  const auto is_refused = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_TRUE(is_rejection(result.error().code))
        << code_of(result.error()) << ": " << result.error().message;
  };
  for (const auto& bad : bad_texts()) {
    is_refused(ledger.account(bad));
    is_refused(ledger.escrow(ref(bad)));
    is_refused(ledger.history(ref(bad)));
    is_refused(ledger.group(bad));
    is_refused(ledger.statement({.account = bad}));
    is_refused(ledger.escrows(filtered(&EscrowFilter::group, bad)));
    is_refused(ledger.escrows(filtered(&EscrowFilter::payer, bad)));
    is_refused(ledger.escrows(filtered(&EscrowFilter::beneficiary, bad)));
    // A cursor is a place in an order: any text has one.
    for (const auto& page : {ledger.accounts(bad, 5), ledger.accounts("z"s + bad, 5)}) {
      EXPECT_TRUE(page || is_rejection(page.error().code)) << page.error().message;
    }
    const auto groups = ledger.groups(bad, 5);
    EXPECT_TRUE(groups || is_rejection(groups.error().code)) << groups.error().message;
  }
  EXPECT_EQ(available(ledger, "alice"), 99'000) << "the ledger still answers";
}

TEST_P(TextTest, NumbersAtTheEdges) {
  for (const std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                                 (std::uint64_t{1} << 63) - 1, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    const auto by_id = ledger.escrow({EscrowId(id), {}});
    ASSERT_FALSE(by_id);
    EXPECT_TRUE(is_rejection(by_id.error().code)) << by_id.error().message;
    const auto released = ledger.execute(release_ids({EscrowId(id)}));
    ASSERT_FALSE(released);
    EXPECT_TRUE(is_rejection(released.error().code)) << released.error().message;
    const auto frozen = ledger.execute({Freeze{{EscrowId(id), {}}}, {}});
    ASSERT_FALSE(frozen);
    EXPECT_TRUE(is_rejection(frozen.error().code)) << frozen.error().message;
    EXPECT_TRUE(id == 0 || must(ledger.events(Seq(id), 5)).rows.empty()) << id;
    if (id != 0) {
      EXPECT_TRUE(must(ledger.escrows(filtered(&EscrowFilter::after, EscrowId(id)))).rows.empty()) << id;
      EXPECT_TRUE(must(ledger.statement({.account = "alice", .after = Seq(id)})).rows.empty()) << id;
    }
  }
  for (const std::int64_t at : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(code_of(reject(reschedule("h", Timestamp{at}))), "invalid_command");
    const auto due = ledger.due(Timestamp{at}, 5);
    EXPECT_TRUE(due) << due.error().message;
  }
}

// Commands given at once may share a transaction: each is answered for itself.
TEST_P(TextTest, OneBadCommandAmongManyHurtsNobodyElse) {
  constexpr int kCommands = 300;
  std::atomic<int> accepted{0};
  std::atomic<int> invalid{0};
  std::atomic<int> left{kCommands};
  std::promise<void> all;
  for (int i = 0; i < kCommands; ++i) {
    const auto bad = bad_texts()[static_cast<std::size_t>(i) % bad_texts().size()];
    ledger.submit(i % 7 == 3 ? hold("k", "alice", "shop", 1, bad) : deposit(fmt::format("d{}", i), "bob", 1),
                  [&](Result<Answer> answer) {
                    accepted += answer.has_value();
                    invalid += !answer && answer.error().code == ErrorCode::invalid_command;
                    if (--left == 0) all.set_value();
                  });
  }
  all.get_future().get();
  EXPECT_EQ(invalid, 43);
  EXPECT_EQ(accepted, kCommands - 43);
  EXPECT_EQ(available(ledger, "bob"), 100'000 + kCommands - 43);
}

}  // namespace
}  // namespace holdfast
