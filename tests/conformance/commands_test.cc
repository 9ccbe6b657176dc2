// What each command does: its answer, and the rows after it.
#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

class CommandsTest : public ConformanceTest {};
HOLDFAST_ON_EVERY_STORE(CommandsTest);

TEST_P(CommandsTest, AccountsOpenOnceAndCloseWhenEmpty) {
  EXPECT_TRUE(run(ledger, open("carol")).event_id);
  const auto again = run(ledger, open("carol"));
  EXPECT_FALSE(again.event_id) << "the same again is no event";
  EXPECT_FALSE(again.seq);
  EXPECT_FALSE(again.replayed);
  for (const auto kind : {AccountKind::beneficiary, AccountKind::platform, AccountKind::fees,
                          AccountKind::external, AccountKind::user}) {
    const auto name = fmt::format("of:{}", to_string(kind));
    run(ledger, open(name, kind, currency("JPY")));
    const auto row = must(ledger.account(name));
    EXPECT_EQ(row.kind, kind);
    EXPECT_EQ(row.currency, currency("JPY"));
    EXPECT_TRUE(row.open);
  }
  run(ledger, close_account("carol"));
  EXPECT_FALSE(must(ledger.account("carol")).open);
  reopen();
  EXPECT_FALSE(must(ledger.account("carol")).open);
  EXPECT_EQ(code_of(reject(deposit("late", "carol", 1))), "account_closed");
}

TEST_P(CommandsTest, MoneyComesInGoesAroundAndOut) {
  run(ledger, deposit("d", "alice", 500));
  run(ledger, transfer("t", "alice", "bob", 200));
  run(ledger, withdraw("w", "bob", 1'200));
  EXPECT_EQ(buckets("alice"), "100300+0");
  EXPECT_EQ(buckets("bob"), "99000+0");
  EXPECT_EQ(buckets("external:EUR"), "-199300+0");
  run(ledger, withdraw("all", "bob", 99'000));
  EXPECT_EQ(buckets("bob"), "0+0");
  EXPECT_EQ(code_of(reject(withdraw("more", "bob", 1))), "insufficient_funds");
}

TEST_P(CommandsTest, AnExternalAccountCanBeNamed) {
  run(ledger, open("bank", AccountKind::external));
  run(ledger, deposit("d", "alice", 1'000, "bank"));
  run(ledger, withdraw("w", "alice", 400, "bank"));
  EXPECT_EQ(buckets("bank"), "-600+0");
  EXPECT_EQ(buckets("external:EUR"), "-200000+0");
}

TEST_P(CommandsTest, AHoldLocksAndAReleaseSplitsToTheCent) {
  const auto id = run_hold(ledger, hold("h", "alice", "shop", 10'000, "order:7"));
  EXPECT_EQ(buckets("alice"), "90000+10000");
  auto row = escrow("h");
  EXPECT_EQ(row.escrow, id);
  EXPECT_EQ(row.payer, "alice");
  EXPECT_EQ(row.beneficiary, "shop");
  EXPECT_EQ(row.group, "order:7");
  EXPECT_EQ(row.status, EscrowStatus::locked);
  EXPECT_EQ(row.locked, Amount(10'000));
  EXPECT_FALSE(row.closed_at);
  EXPECT_EQ(split(settle(ledger, release_ids({id}))), "EUR 1 of 10000: 500 / 300 / 9200");
  row = escrow("h");
  EXPECT_EQ(row.status, EscrowStatus::released);
  EXPECT_EQ(row.commission, Amount(500));
  EXPECT_EQ(row.processor_fee, Amount(300));
  EXPECT_EQ(row.net, Amount(9'200));
  EXPECT_TRUE(row.closed_at);
  EXPECT_EQ(buckets("alice"), "90000+0");
  EXPECT_EQ(buckets("shop"), "9200+0");
  EXPECT_EQ(buckets("platform:commission"), "500+0");
  EXPECT_EQ(buckets("processor:fees"), "300+0");
}

TEST_P(CommandsTest, SmallAmountsMakeNoZeroPosting) {
  struct Case {
    std::int64_t amount;
    const char* split;
    std::size_t postings;
  };
  for (const auto& [amount, expected, postings] :
       {Case{999, "EUR 1 of 999: 50 / 30 / 919", 4}, Case{1'370, "EUR 1 of 1370: 69 / 41 / 1260", 4},
        Case{10, "EUR 1 of 10: 1 / 0 / 9", 3}, Case{9, "EUR 1 of 9: 0 / 0 / 9", 2}}) {
    const auto key = fmt::format("h:{}", amount);
    run(ledger, hold(key, "alice", "shop", amount));
    EXPECT_EQ(split(settle(ledger, release({key}))), expected);
    const auto last = Seq(seq() - 1);
    EXPECT_EQ(must(ledger.events(last, 1)).rows.at(0).postings.size(), postings) << amount;
  }
}

TEST_P(CommandsTest, ARefundGoesBackInFull) {
  run(ledger, hold("h", "alice", "shop", 10'000));
  const auto back = settle(ledger, refund({"h"}));
  EXPECT_EQ(back.kind, Settlement::Kind::refund);
  EXPECT_EQ(split(back), "EUR 1 of 10000: 0 / 0 / 0");
  EXPECT_EQ(buckets("alice"), "100000+0");
  EXPECT_EQ(escrow("h").status, EscrowStatus::refunded);
  EXPECT_EQ(code_of(reject(refund({"h"}))), "escrow_not_locked");
  EXPECT_EQ(code_of(reject(release({"h"}))), "escrow_not_locked");
}

TEST_P(CommandsTest, PartsPayWhatOneReleaseWouldHavePaid) {
  run(ledger, hold("h", "alice", "shop", 10'000));
  EXPECT_EQ(split(settle(ledger, refund_part("p1", "h", 2'500))), "EUR 1 of 2500: 0 / 0 / 0");
  EXPECT_EQ(code_of(reject(refund_part("p2", "h", 7'501))), "amount_out_of_range");
  EXPECT_EQ(split(settle(ledger, release({"h"}))), "EUR 1 of 7500: 375 / 225 / 6900");
  EXPECT_EQ(escrow("h").status, EscrowStatus::split);
  run(ledger, hold("tiny", "alice", "shop", 50));
  EXPECT_EQ(split(settle(ledger, release_part("p3", "tiny", 49))), "EUR 1 of 49: 2 / 1 / 46");
  EXPECT_EQ(escrow("tiny").status, EscrowStatus::locked);
  EXPECT_EQ(split(settle(ledger, release_part("p4", "tiny", 1))), "EUR 1 of 1: 0 / 1 / 0");
  EXPECT_EQ(escrow("tiny").status, EscrowStatus::released);
}

TEST_P(CommandsTest, AFreezeStopsEverythingUntilItIsResolved) {
  run(ledger, hold("h", "alice", "shop", 5'000));
  run(ledger, freeze("h"));
  EXPECT_EQ(escrow("h").status, EscrowStatus::frozen);
  EXPECT_EQ(code_of(reject(release({"h"}))), "escrow_frozen");
  EXPECT_EQ(code_of(reject(refund({"h"}))), "escrow_frozen");
  EXPECT_EQ(code_of(reject(release_part("p", "h", 1))), "escrow_frozen");
  EXPECT_EQ(code_of(reject(freeze("h"))), "escrow_frozen");
  const auto resolved = settle(ledger, resolve("r", "h", 2'000, 3'000));
  EXPECT_EQ(resolved.kind, Settlement::Kind::resolve);
  EXPECT_EQ(resolved.to_payer, Amount(2'000));
  EXPECT_EQ(split(resolved), "EUR 1 of 3000: 150 / 90 / 2760");
  EXPECT_EQ(escrow("h").status, EscrowStatus::split);
  EXPECT_EQ(code_of(reject(resolve("r2", "h", 0, 0))), "not_frozen");

  run(ledger, hold("lifted", "alice", "shop", 5'000));
  run(ledger, freeze("lifted"));
  run(ledger, resolve("lift", "lifted", 0, 0));
  EXPECT_EQ(escrow("lifted").status, EscrowStatus::locked);
  run(ledger, freeze("lifted"));
  run(ledger, resolve("part", "lifted", 1'000, 1'000));
  EXPECT_EQ(escrow("lifted").status, EscrowStatus::locked) << "what is left is locked again";
  EXPECT_EQ(escrow("lifted").locked, Amount(3'000));
  EXPECT_EQ(split(settle(ledger, release({"lifted"}))), "EUR 1 of 3000: 150 / 90 / 2760");
}

TEST_P(CommandsTest, AClosedGroupTakesNoNewHold) {
  run(ledger, hold("a", "alice", "shop", 100, "g"));
  run(ledger, close_group("g"));
  EXPECT_EQ(code_of(reject(hold("b", "alice", "shop", 100, "g"))), "group_closed");
  EXPECT_FALSE(must(ledger.group("g")).open);
  EXPECT_EQ(split(settle(ledger, release_group("g"))), "EUR 1 of 100: 5 / 3 / 92");
  EXPECT_FALSE(run(ledger, close_group("g")).event_id) << "closed already";
  run(ledger, reopen_group("g"));
  run(ledger, hold("b", "alice", "shop", 100, "g"));
  run(ledger, close_group("unheard:of"));
  EXPECT_EQ(code_of(reject(hold("c", "alice", "shop", 100, "unheard:of"))), "group_closed");
  const auto closing = changed<Refund>(refund_group("g"), [](Refund& op) { op.close = true; });
  EXPECT_EQ(split(settle(ledger, closing)), "EUR 1 of 100: 0 / 0 / 0");
  EXPECT_FALSE(must(ledger.group("g")).open) << "closed and settled in one";
  EXPECT_EQ(must(ledger.group("g")).live, 0U);
}

TEST_P(CommandsTest, ActorReasonAndReferenceAreKept) {
  auto command = deposit("d", "alice", 1);
  command.options.actor = "shop:checkout";
  command.options.reason = "Überweisung № 7";
  command.options.reference = "bank-4711";
  run(ledger, command);
  const auto event = must(ledger.events(Seq(seq() - 1), 1)).rows.at(0);
  EXPECT_EQ(event.op, "deposit");
  EXPECT_EQ(event.actor, "shop:checkout");
  EXPECT_EQ(event.reason, "Überweisung № 7");
  EXPECT_EQ(event.reference, "bank-4711");
  EXPECT_EQ(event.key, "d");
}

TEST_P(CommandsTest, TimesNeverDecrease) {
  Timestamp last;
  for (int i = 0; i < 20; ++i) {
    const auto answer = run(ledger, deposit(fmt::format("d{}", i), "alice", 1));
    EXPECT_GE(answer.at, last);
    last = answer.at;
  }
  last = {};
  wait_until_sealed(ledger);
  for (const auto& event : must(ledger.events(Seq(), 100)).rows) {
    EXPECT_GE(event.at, last);
    last = event.at;
  }
}

TEST_P(CommandsTest, WhatChangesNothingIsNoEventWithoutAKey) {
  run(ledger, hold("h", "alice", "shop", 100, "g"));
  run(ledger, close_group("shut"));
  const auto before = contents(ledger);
  for (const auto& command :
       {open("alice"), plan("standard", "0.05", "0.03"), close_group("shut"), reopen_group("g"),
        reopen_group("none"), release_group("none"), refund_group("none"), reschedule("h", std::nullopt)}) {
    SCOPED_TRACE(op_name(command.operation));
    const auto answer = run(ledger, command);
    EXPECT_FALSE(answer.event_id);
    EXPECT_FALSE(answer.seq);
  }
  EXPECT_EQ(contents(ledger), before);
  EXPECT_TRUE(run(ledger, with_key(open("alice"), "open")).event_id) << "a key has to be remembered";
  EXPECT_TRUE(run(ledger, with_key(open("alice"), "open")).replayed);
}

TEST_P(CommandsTest, ADryRunOfAnyCommandAnswersTheSameAndLeavesNothing) {
  for (const auto* key : {"a", "b", "c"}) run(ledger, hold(key, "alice", "shop", 1'000, "g"));
  run(ledger, freeze("c"));
  run(ledger, open("empty"));
  const std::vector<Command> commands = {
      open("carol"),
      close_account("empty"),
      plan("standard", "0.08", "0.03"),
      plan("new", "0.1", "0.1"),
      deposit("k", "alice", 5),
      withdraw("k", "alice", 5),
      transfer("k", "alice", "bob", 5),
      hold("k", "alice", "shop", 500, "new:group"),
      reschedule("a", Timestamp{1}),
      release({"a", "b"}),
      skip_release({"a", "c", "none"}),
      release_group("g"),
      refund_group("g"),
      refund({"a"}),
      release_part("k", "a", 10),
      refund_part("k", "a", 10),
      freeze("a"),
      resolve("k", "c", 100, 200),
      close_group("g"),
      close_group("new:group"),
      atomic({deposit("k", "carol", 1), savepoint({deposit("l", "alice", 1)})})};
  const auto before = contents(ledger);
  for (const auto& command : commands) {
    SCOPED_TRACE(op_name(command.operation));
    const auto dry_answer = ledger.execute(dry(command));
    const auto answer = ledger.execute(dry(command));
    ASSERT_EQ(dry_answer.has_value(), answer.has_value());
    if (!dry_answer) continue;
    EXPECT_FALSE(dry_answer->event_id);
    EXPECT_FALSE(dry_answer->seq);
    EXPECT_FALSE(dry_answer->replayed);
    if (const auto* held = std::get_if<HoldResult>(&dry_answer->result)) {
      EXPECT_FALSE(held->escrow);
    }
    if (const auto* settled = std::get_if<Settlement>(&dry_answer->result)) {
      EXPECT_EQ(*settled, std::get<Settlement>(answer->result));
      EXPECT_FALSE(settled->totals.empty());
    }
  }
  EXPECT_EQ(contents(ledger), before);
  const auto foretold = split(settle(ledger, dry(release({"a", "b"}))));
  EXPECT_EQ(split(settle(ledger, release({"a", "b"}))), foretold);
  EXPECT_FALSE(run(ledger, deposit("k", "alice", 1)).replayed) << "the key stayed free";
}

TEST_P(CommandsTest, DepositsAreRefusedOnceTheCurrencyHasPassed2To62) {
  const auto huge = kMaxAmount.minor();
  std::vector<Command> flood;
  for (int i = 0; i < 600; ++i) flood.push_back(deposit(fmt::format("f{}", i), "bob", huge));
  // 2^62 holds 512 times the largest amount: the atomic passes it half-way, and nothing of it remains.
  const auto before = contents(ledger);
  EXPECT_EQ(code_of(reject(atomic(flood))), "overflow");
  EXPECT_EQ(contents(ledger), before);
  flood.resize(500);
  run(ledger, atomic(flood));
  int accepted = 0;
  for (int i = 0; i < 20; ++i) {
    const auto answer = ledger.execute(deposit(fmt::format("g{}", i), "alice", huge));
    accepted += answer.has_value();
    if (!answer) {
      EXPECT_EQ(code_of(answer.error()), "overflow");
    }
  }
  EXPECT_EQ(accepted, 12) << "the one that passes 2^62 is the last";
  EXPECT_EQ(available(ledger, "alice"), 100'000 + 12 * huge);
  run(ledger, withdraw("out", "alice", huge));
  run(ledger, withdraw("out2", "alice", huge));
  run(ledger, deposit("again", "alice", 1));
}

TEST_P(CommandsTest, LedgersSideBySideDoNotKnowEachOther) {
  run(ledger, hold("h", "alice", "shop", 1'000, "g"));
  const auto before = contents(ledger);
  const Place elsewhere(GetParam());
  auto other = elsewhere.open();
  EXPECT_EQ(contents(other).substr(0, 6), "seq 0 ");
  EXPECT_TRUE(must(other.accounts("", 5)).rows.empty());
  stock(other);
  EXPECT_EQ(code_of(must_fail(other.escrow(ref("h")))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(other.group("g"))), "group_not_found");
  EXPECT_FALSE(run(other, hold("h", "bob", "shop", 50, "g")).replayed);
  run(other, release_group("g"));
  EXPECT_EQ(contents(ledger), before);
  EXPECT_EQ(split(settle(ledger, release({"h"}))), "EUR 1 of 1000: 50 / 30 / 920");
  wait_until_sealed(other);
  EXPECT_EQ(broken_laws(other), "");
}

TEST_P(CommandsTest, EveryCurrencyIsItsOwn) {
  run(ledger, open("yuki", AccountKind::user, currency("JPY")));
  run(ledger, open("mise", AccountKind::beneficiary, currency("JPY")));
  auto yen = plan("yen", "0.05", "0.03", currency("JPY"));
  std::get<DefineFeePlan>(yen.operation).commission.to = "platform:JPY";
  std::get<DefineFeePlan>(yen.operation).processor_fee.to = "fees:JPY";
  run(ledger, yen);
  run(ledger, deposit("d", "yuki", 10'000));
  run(ledger, hold("y", "yuki", "mise", 10'000, "both", "yen"));
  run(ledger, hold("e", "alice", "shop", 999, "both"));
  EXPECT_EQ(split(settle(ledger, release_group("both"))),
            "EUR 1 of 999: 50 / 30 / 919; JPY 1 of 10000: 500 / 300 / 9200");
  const auto trial = must(ledger.trial_balance());
  ASSERT_EQ(trial.size(), 2U);
  for (const auto& row : trial) EXPECT_EQ(row.sum, Amount());
}

}  // namespace
}  // namespace holdfast
