// Every error code that a command or a query can get, and that a rejected command leaves nothing behind.
#include <set>

#include "tests/conformance/conformance.h"

namespace holdfast {
namespace {

struct Case {
  const char* what;
  Command command;
  ErrorCode code;
};

class RejectionsTest : public ConformanceTest {
 protected:
  RejectionsTest() {
    run(ledger, open("carol"));
    run(ledger, open("usd", AccountKind::user, currency("USD")));
    run(ledger, open("usd:shop", AccountKind::beneficiary, currency("USD")));
    run(ledger, open("bank", AccountKind::external));
    run(ledger, open("usd:bank", AccountKind::external, currency("USD")));
    auto dollars = plan("usd:plan", "0.05", "0.03", currency("USD"));
    std::get<DefineFeePlan>(dollars.operation).commission.to = "usd:platform";
    std::get<DefineFeePlan>(dollars.operation).processor_fee.to = "usd:fees";
    run(ledger, dollars);
    auto dear = plan("dear", "0.5", "0.5");
    std::get<DefineFeePlan>(dear.operation).commission.fixed = Amount(1);
    run(ledger, dear);
    run(ledger, open("gone"));
    run(ledger, close_account("gone"));
    run(ledger, close_group("shut"));
    for (const auto* key : {"locked", "frozen", "released", "refunded", "part"}) {
      run(ledger, hold(key, "alice", "shop", 1'000, "mixed"));
    }
    run(ledger, open("stall", AccountKind::beneficiary));
    run(ledger, hold("live", "alice", "stall", 1'000, "mixed"));
    run(ledger, freeze("frozen"));
    run(ledger, release({"released"}));
    run(ledger, refund({"refunded"}));
    run(ledger, release_part("p", "part", 400));
    run(ledger, deposit("used", "alice", 1));
  }
};
HOLDFAST_ON_EVERY_STORE(RejectionsTest);

std::vector<Case> of_state() {
  const auto fee_to = [](std::string to) {
    return changed<DefineFeePlan>(plan("p", "0.1", "0"), [&](auto& op) { op.commission.to = std::move(to); });
  };
  const auto at = std::optional(Timestamp{1});
  using enum ErrorCode;
  return {
      {"open: another currency", open("alice", AccountKind::user, currency("USD")), account_exists},
      {"open: another kind", open("alice", AccountKind::beneficiary), account_exists},
      {"open: closed", open("gone"), account_closed},
      {"close: none", close_account("nobody"), account_not_found},
      {"close: closed", close_account("gone"), account_closed},
      {"close: available", close_account("bob"), account_not_empty},
      {"close: a plan's", close_account("usd:platform"), account_in_use},
      {"close: a live escrow's", close_account("stall"), account_in_use},
      {"plan: another currency", plan("p", "0.1", "0", currency("USD")), currency_mismatch},
      {"plan: external", fee_to("bank"), wrong_account_kind},
      {"plan: closed", fee_to("gone"), account_closed},
      {"deposit: none", deposit("k", "nobody", 1), account_not_found},
      {"deposit: closed", deposit("k", "gone", 1), account_closed},
      {"deposit: into external", deposit("k", "bank", 1), wrong_account_kind},
      {"deposit: named external missing", deposit("k", "alice", 1, "nowhere"), account_not_found},
      {"deposit: from no external", deposit("k", "alice", 1, "bob"), wrong_account_kind},
      {"deposit: currencies", deposit("k", "alice", 1, "usd:bank"), currency_mismatch},
      {"withdraw: none", withdraw("k", "nobody", 1), account_not_found},
      {"withdraw: from external", withdraw("k", "bank", 1), wrong_account_kind},
      {"withdraw: funds", withdraw("k", "bob", 100'001), insufficient_funds},
      {"withdraw: currencies", withdraw("k", "alice", 1, "usd:bank"), currency_mismatch},
      {"transfer: from none", transfer("k", "nobody", "bob", 1), account_not_found},
      {"transfer: to none", transfer("k", "bob", "nobody", 1), account_not_found},
      {"transfer: closed", transfer("k", "bob", "gone", 1), account_closed},
      {"transfer: external", transfer("k", "bank", "bob", 1), wrong_account_kind},
      {"transfer: to external", transfer("k", "bob", "bank", 1), wrong_account_kind},
      {"transfer: currencies", transfer("k", "bob", "usd", 1), currency_mismatch},
      {"transfer: funds", transfer("k", "carol", "bob", 1), insufficient_funds},
      {"hold: no payer", hold("k", "nobody", "shop", 1), account_not_found},
      {"hold: no beneficiary", hold("k", "bob", "nobody", 1), account_not_found},
      {"hold: closed", hold("k", "bob", "gone", 1), account_closed},
      {"hold: external payer", hold("k", "bank", "shop", 1), wrong_account_kind},
      {"hold: external beneficiary", hold("k", "bob", "bank", 1), wrong_account_kind},
      {"hold: currencies", hold("k", "bob", "usd:shop", 1), currency_mismatch},
      {"hold: no plan", hold("k", "bob", "shop", 1, "", "none"), fee_plan_not_found},
      {"hold: plan's currency", hold("k", "bob", "shop", 1, "", "usd:plan"), currency_mismatch},
      {"hold: closed group", hold("k", "bob", "shop", 1, "shut"), group_closed},
      {"hold: funds", hold("k", "carol", "shop", 1), insufficient_funds},
      {"hold: fees", hold("k", "bob", "shop", 10, "", "dear"), fees_exceed_amount},
      {"reschedule: none", reschedule("none", at), escrow_not_found},
      {"reschedule: settled", reschedule("released", at), escrow_not_locked},
      {"release: none", release({"none"}), escrow_not_found},
      {"release: no id", release_ids({EscrowId(999'999)}), escrow_not_found},
      {"release: twice", release({"locked", "locked"}), duplicate_item},
      {"release: released", release({"released"}), escrow_not_locked},
      {"release: frozen", release({"frozen"}), escrow_frozen},
      {"release: too much", release_part("k", "locked", 1'001), amount_out_of_range},
      {"release: no plan", release_under("locked", "none"), fee_plan_not_found},
      {"release: plan fixed", release_under("part", "dear"), fee_plan_fixed},
      {"release: plan's currency", release_under("locked", "usd:plan"), currency_mismatch},
      {"release: fees", release_under("locked", "dear"), fees_exceed_amount},
      {"release: not as expected", expecting(release({"locked"}), {paid(1, 999, 50, 30)}), not_as_expected},
      {"refund: none", refund({"none"}), escrow_not_found},
      {"refund: twice", refund({"locked", "locked"}), duplicate_item},
      {"refund: refunded", refund({"refunded"}), escrow_not_locked},
      {"refund: frozen", refund({"frozen"}), escrow_frozen},
      {"refund: too much", refund_part("k", "part", 601), amount_out_of_range},
      {"freeze: none", freeze("none"), escrow_not_found},
      {"freeze: settled", freeze("refunded"), escrow_not_locked},
      {"freeze: frozen", freeze("frozen"), escrow_frozen},
      {"resolve: none", resolve("k", "none", 0, 0), escrow_not_found},
      {"resolve: not frozen", resolve("k", "locked", 0, 0), not_frozen},
      {"resolve: settled", resolve("k", "released", 0, 0), not_frozen},
      {"resolve: too much", resolve("k", "frozen", 500, 501), amount_out_of_range},
      {"key: other content", deposit("used", "alice", 2), idempotency_conflict},
      {"key: other command", withdraw("used", "alice", 1), idempotency_conflict},
      {"atomic: its second fails", atomic({deposit("k", "alice", 1), deposit("l", "nobody", 1)}),
       account_not_found},
  };
}

std::vector<Case> of_form() {
  const auto both_dates = [](Command command) {
    return changed<Hold>(std::move(command), [](Hold& op) { op.release_at = op.refund_at = Timestamp{1}; });
  };
  const auto chunk = [](std::string key, std::uint32_t size) {
    return chunked<Release>(std::move(key), "mixed", size);
  };
  std::vector<std::string> many(kMaxListItems + 1);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = fmt::format("m{}", i);
  std::vector<Command> crowd(kMaxAtomicCommands + 1, close_group("shut"));
  auto deep = deposit("k", "alice", 1);
  for (std::size_t i = 0; i <= kMaxAtomicDepth; ++i) deep = atomic({std::move(deep)});
  using enum ErrorCode;
  return {
      {"no key", deposit("", "alice", 1), invalid_command},
      {"a key of digits", deposit("123", "alice", 1), invalid_command},
      {"a key with a space", deposit("a b", "alice", 1), invalid_command},
      {"no name", open(""), invalid_command},
      {"a name with a space", open("a b"), invalid_command},
      {"no currency", open("x", AccountKind::user, Currency()), invalid_command},
      {"amount 0", deposit("k", "alice", 0), amount_out_of_range},
      {"amount -1", deposit("k", "alice", -1), amount_out_of_range},
      {"amount 2^53", deposit("k", "alice", kMaxAmount.minor() + 1), amount_out_of_range},
      {"to itself", transfer("k", "alice", "alice", 1), invalid_command},
      {"held for oneself", hold("k", "alice", "alice", 1), invalid_command},
      {"two dates", both_dates(hold("k", "alice", "shop", 1)), invalid_command},
      {"neither escrows nor group", release({}), invalid_command},
      {"escrows and group", changed<Release>(release({"locked"}), [](Release& op) { op.group = "mixed"; }),
       invalid_command},
      {"a part without a key", release_part("", "locked", 1), invalid_command},
      {"a part of two",
       changed<Release>(with_key(release({"locked", "part"}), "k"),
                        [](Release& op) { op.amount = Amount(1); }),
       invalid_command},
      {"chunks without a key", chunk("", 2), invalid_command},
      {"chunks of 0", chunk("k", 0), invalid_command},
      {"chunks above the most", chunk("k", 1'000'001), invalid_command},
      {"chunks in an atomic", atomic({chunk("k", 2)}), invalid_command},
      {"chunks that are all or nothing",
       changed<Release>(chunk("k", 2), [](Release& op) { op.mode = BatchMode::atomic; }), invalid_command},
      {"a list that closes", changed<Release>(release({"locked"}), [](Release& op) { op.close = true; }),
       invalid_command},
      {"expecting what cannot be", expecting(refund_group("mixed"), {paid(1, 5, 1, 1)}), invalid_command},
      {"a savepoint at the top", savepoint({open("x")}), invalid_command},
      {"a dry run inside", atomic({dry(open("x"))}), invalid_command},
      {"too deep", deep, invalid_command},
      {"a list of 8,193", release(many), batch_too_large},
      {"10,001 commands", atomic(crowd), batch_too_large},
  };
}

TEST_P(RejectionsTest, EachHasItsCodeAndLeavesNothing) {
  const auto before = contents(ledger);
  auto cases = of_state();
  for (auto& more : of_form()) cases.push_back(std::move(more));
  std::set<ErrorCode> seen;
  for (const auto& [what, command, code] : cases) {
    SCOPED_TRACE(what);
    const auto answer = ledger.execute(command);
    ASSERT_FALSE(answer) << "it should have been rejected";
    EXPECT_EQ(code_of(answer.error()), to_string(code)) << answer.error().message;
    EXPECT_FALSE(answer.error().message.empty());
    seen.insert(answer.error().code);
  }
  EXPECT_EQ(contents(ledger), before);
  EXPECT_FALSE(run(ledger, deposit("k", "alice", 1)).replayed) << "rejected commands left their key free";
  // Of a million escrows, and of a number that no store here has, other tests know.
  for (std::uint8_t code = 1; code <= static_cast<std::uint8_t>(ErrorCode::not_as_expected); ++code) {
    const auto wanted = static_cast<ErrorCode>(code);
    if (wanted == ErrorCode::overflow || wanted == ErrorCode::group_not_found)
      continue;  // below, and in commands
    EXPECT_TRUE(seen.contains(wanted)) << to_string(wanted);
  }
}

TEST_P(RejectionsTest, TheSameInsideAnAtomicNamesTheCommandAtFault) {
  const auto before = contents(ledger);
  for (const auto& [what, command, code] : of_state()) {
    if (std::holds_alternative<Atomic>(command.operation)) continue;
    SCOPED_TRACE(what);
    const auto error = reject(atomic({deposit("first", "alice", 1), atomic({open("x"), command})}));
    EXPECT_EQ(code_of(error), to_string(code)) << error.message;
    EXPECT_EQ(error.path, (std::vector<std::uint32_t>{1, 1}));
  }
  EXPECT_EQ(contents(ledger), before);
}

TEST_P(RejectionsTest, AndUnderASavepointTheRestGoesOn) {
  std::int64_t deposited = 0;
  int number = 0;
  for (const auto& [what, command, code] : of_state()) {
    if (std::holds_alternative<Atomic>(command.operation)) continue;
    SCOPED_TRACE(what);
    const auto name = fmt::format("s{}", ++number);
    const auto answer = run(
        ledger, atomic({deposit(name, "alice", 1), savepoint({deposit(name + "x", "alice", 7), command})}));
    ++deposited;
    const auto& results = std::get<AtomicResult>(answer.result).results;
    ASSERT_EQ(results.size(), 2U);
    EXPECT_TRUE(results[0]);
    ASSERT_FALSE(results[1]);
    EXPECT_EQ(code_of(results[1].error()), to_string(code));
  }
  EXPECT_EQ(available(ledger, "alice"), 100'001 - 6 * 1'000 + 1'000 + deposited);
}

TEST_P(RejectionsTest, OfQueries) {
  EXPECT_EQ(code_of(must_fail(ledger.account("nobody"))), "account_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.escrow(ref("none")))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.escrow({EscrowId(999'999), {}}))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.history(ref("none")))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.history({EscrowId(999'999), {}}))), "escrow_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.group("none"))), "group_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.statement({.account = "nobody"}))), "account_not_found");
  for (const std::size_t limit : {std::size_t{0}, kMaxPage + 1}) {
    EXPECT_EQ(code_of(must_fail(ledger.accounts("", limit))), "invalid_command");
    EXPECT_EQ(code_of(must_fail(ledger.groups("", limit))), "invalid_command");
    EXPECT_EQ(code_of(must_fail(ledger.events(Seq(), limit))), "invalid_command");
    EXPECT_EQ(code_of(must_fail(ledger.escrows(filtered(&EscrowFilter::limit, limit)))), "invalid_command");
    EXPECT_EQ(code_of(must_fail(ledger.statement({.account = "alice", .limit = limit}))), "invalid_command");
  }
  auto both = filtered(&EscrowFilter::group, "mixed");
  both.payer = "alice";
  EXPECT_EQ(code_of(must_fail(ledger.escrows(both))), "invalid_command");
  const auto of_group = must_fail(ledger.escrows(filtered(&EscrowFilter::group, "none")));
  EXPECT_EQ(code_of(of_group), "group_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.escrows(filtered(&EscrowFilter::payer, "nobody")))),
            "account_not_found");
  EXPECT_EQ(code_of(must_fail(ledger.escrows(filtered(&EscrowFilter::beneficiary, "nobody")))),
            "account_not_found");
}

TEST_P(RejectionsTest, OpenedForReadingItTakesNoCommand) {
  OpenOptions options;
  options.read_only = true;
  wait_until_sealed(ledger);
  auto reader = must(place.open(options));
  EXPECT_EQ(available(reader, "bob"), 100'000);
  EXPECT_EQ(code_of(must_fail(reader.execute(deposit("k", "alice", 1)))), "read_only");
  EXPECT_EQ(code_of(must_fail(reader.atomic([](Transaction&) -> Result<void> { return {}; }))), "read_only");
  EXPECT_EQ(broken_laws(reader), "");
}

TEST_P(RejectionsTest, WhatIsNotThereIsNoLedger) {
  const auto elsewhere = is_journal() ? place.url() + "-none" : place.conninfo() + "&ledger=none";
  EXPECT_EQ(code_of(must_fail(Ledger::open(elsewhere))), "not_a_ledger");
}

}  // namespace
}  // namespace holdfast
