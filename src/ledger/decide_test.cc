// Every answer and every rejection that a single command can get, as tables.
#include <fmt/core.h>

#include "ledger/testing/book.h"

namespace holdfast {
namespace {

using namespace testing;

// A market in which everything that can be in a command's way is there.
class Decide : public Market {
 protected:
  Decide() {
    book.accept(open("bank", AccountKind::external));
    book.accept(open("usd", AccountKind::user, currency("USD")));
    book.accept(open("usd:shop", AccountKind::beneficiary, currency("USD")));
    book.accept(open("usd:bank", AccountKind::external, currency("USD")));
    auto dollars = plan("usd:plan", "0.05", "0");
    auto& op = std::get<DefineFeePlan>(dollars.operation);
    op.currency = currency("USD");
    op.commission.to = "usd:platform";
    op.processor_fee.to = "usd:fees";
    book.accept(dollars);
    auto dear = plan("dear", "0.5", "0.5");
    std::get<DefineFeePlan>(dear.operation).commission.fixed = Amount(1);
    book.accept(dear);
    book.accept(open("gone"));
    book.accept(close_account("gone"));
    book.accept(close_group("shut"));
    for (const auto* key : {"locked", "frozen", "released", "refunded", "part"}) {
      book.accept(hold(key, "alice", "shop", 1'000, "mixed"));
    }
    book.accept(freeze("frozen"));
    book.accept(release({"released"}));
    book.accept(refund({"refunded"}));
    book.accept(release_part("p", "part", 400));
  }
};

TEST_F(Decide, Rejections) {
  const auto fee_to = [](std::string to) {
    return changed<DefineFeePlan>(plan("p", "0.1", "0"), [&](auto& op) { op.commission.to = to; });
  };
  const auto at = std::optional(Timestamp{1});
  struct Case {
    const char* what;
    Command command;
    ErrorCode code;
  };
  const std::vector<Case> cases = {
      {"open: another currency", open("alice", AccountKind::user, currency("USD")),
       ErrorCode::account_exists},
      {"open: another kind", open("alice", AccountKind::beneficiary), ErrorCode::account_exists},
      {"open: closed", open("gone"), ErrorCode::account_closed},
      {"close: none", close_account("nobody"), ErrorCode::account_not_found},
      {"close: closed", close_account("gone"), ErrorCode::account_closed},
      {"close: available", close_account("bob"), ErrorCode::account_not_empty},
      {"close: a plan's", close_account("usd:platform"), ErrorCode::account_in_use},
      {"plan: another currency", plan("p", "0.1", "0", currency("USD")), ErrorCode::currency_mismatch},
      {"plan: external", fee_to("bank"), ErrorCode::wrong_account_kind},
      {"plan: closed", fee_to("gone"), ErrorCode::account_closed},
      {"deposit: none", deposit("k", "nobody", 1), ErrorCode::account_not_found},
      {"deposit: closed", deposit("k", "gone", 1), ErrorCode::account_closed},
      {"deposit: into external", deposit("k", "bank", 1), ErrorCode::wrong_account_kind},
      {"deposit: named external missing", deposit("k", "alice", 1, "nowhere"), ErrorCode::account_not_found},
      {"deposit: from no external", deposit("k", "alice", 1, "bob"), ErrorCode::wrong_account_kind},
      {"deposit: currencies", deposit("k", "alice", 1, "usd:bank"), ErrorCode::currency_mismatch},
      {"withdraw: none", withdraw("k", "nobody", 1), ErrorCode::account_not_found},
      {"withdraw: from external", withdraw("k", "bank", 1), ErrorCode::wrong_account_kind},
      {"withdraw: funds", withdraw("k", "bob", 100'001), ErrorCode::insufficient_funds},
      {"withdraw: currencies", withdraw("k", "alice", 1, "usd:bank"), ErrorCode::currency_mismatch},
      {"transfer: from none", transfer("k", "nobody", "bob", 1), ErrorCode::account_not_found},
      {"transfer: to none", transfer("k", "bob", "nobody", 1), ErrorCode::account_not_found},
      {"transfer: closed", transfer("k", "bob", "gone", 1), ErrorCode::account_closed},
      {"transfer: external", transfer("k", "bank", "bob", 1), ErrorCode::wrong_account_kind},
      {"transfer: to external", transfer("k", "bob", "bank", 1), ErrorCode::wrong_account_kind},
      {"transfer: currencies", transfer("k", "bob", "usd", 1), ErrorCode::currency_mismatch},
      {"transfer: funds", transfer("k", "carol", "bob", 1), ErrorCode::insufficient_funds},
      {"hold: no payer", hold("k", "nobody", "shop", 1), ErrorCode::account_not_found},
      {"hold: no beneficiary", hold("k", "bob", "nobody", 1), ErrorCode::account_not_found},
      {"hold: closed", hold("k", "bob", "gone", 1), ErrorCode::account_closed},
      {"hold: external payer", hold("k", "bank", "shop", 1), ErrorCode::wrong_account_kind},
      {"hold: external beneficiary", hold("k", "bob", "bank", 1), ErrorCode::wrong_account_kind},
      {"hold: currencies", hold("k", "bob", "usd:shop", 1), ErrorCode::currency_mismatch},
      {"hold: no plan", hold("k", "bob", "shop", 1, "", "none"), ErrorCode::fee_plan_not_found},
      {"hold: plan's currency", hold("k", "bob", "shop", 1, "", "usd:plan"), ErrorCode::currency_mismatch},
      {"hold: closed group", hold("k", "bob", "shop", 1, "shut"), ErrorCode::group_closed},
      {"hold: funds", hold("k", "carol", "shop", 1), ErrorCode::insufficient_funds},
      {"hold: fees", hold("k", "bob", "shop", 10, "", "dear"), ErrorCode::fees_exceed_amount},
      {"reschedule: none", reschedule("none", at), ErrorCode::escrow_not_found},
      {"reschedule: settled", reschedule("released", at), ErrorCode::escrow_not_locked},
      {"release: none", release({"none"}), ErrorCode::escrow_not_found},
      {"release: no id", release_ids({EscrowId(999)}), ErrorCode::escrow_not_found},
      {"release: twice", release({"locked", "locked"}), ErrorCode::duplicate_item},
      {"release: released", release({"released"}), ErrorCode::escrow_not_locked},
      {"release: frozen", release({"frozen"}), ErrorCode::escrow_frozen},
      {"release: too much", release_part("k", "locked", 1'001), ErrorCode::amount_out_of_range},
      {"release: no plan", release_under("locked", "none"), ErrorCode::fee_plan_not_found},
      {"release: plan fixed", release_under("part", "dear"), ErrorCode::fee_plan_fixed},
      {"release: plan's currency", release_under("locked", "usd:plan"), ErrorCode::currency_mismatch},
      {"release: fees", release_under("locked", "dear"), ErrorCode::fees_exceed_amount},
      {"refund: none", refund({"none"}), ErrorCode::escrow_not_found},
      {"refund: twice", refund({"locked", "locked"}), ErrorCode::duplicate_item},
      {"refund: refunded", refund({"refunded"}), ErrorCode::escrow_not_locked},
      {"refund: frozen", refund({"frozen"}), ErrorCode::escrow_frozen},
      {"refund: too much", refund_part("k", "part", 601), ErrorCode::amount_out_of_range},
      {"freeze: none", freeze("none"), ErrorCode::escrow_not_found},
      {"freeze: settled", freeze("refunded"), ErrorCode::escrow_not_locked},
      {"freeze: frozen", freeze("frozen"), ErrorCode::escrow_frozen},
      {"resolve: none", resolve("k", "none", 0, 0), ErrorCode::escrow_not_found},
      {"resolve: not frozen", resolve("k", "locked", 0, 0), ErrorCode::not_frozen},
      {"resolve: settled", resolve("k", "released", 0, 0), ErrorCode::not_frozen},
      {"resolve: too much", resolve("k", "frozen", 500, 501), ErrorCode::amount_out_of_range},
  };
  for (const auto& [what, command, code] : cases) {
    SCOPED_TRACE(what);
    const auto error = book.reject(command);
    EXPECT_EQ(to_string(error.code), to_string(code)) << error.message;
    EXPECT_FALSE(book.rows.key_used("k"));  // a rejected command leaves its key free
  }
}

TEST_F(Decide, WhatChangesNothingIsNotRecordedWithoutAKey) {
  for (const auto& command : {open("alice"), plan("standard", "0.05", "0.03"), close_group("shut"),
                              reopen_group("mixed"), reopen_group("unheard:of"), release_group("unheard:of"),
                              refund_group("unheard:of"), reschedule("locked", std::nullopt)}) {
    SCOPED_TRACE(op_name(command.operation));
    book.accept(command);
    EXPECT_FALSE(book.recorded());
    book.accept(with_key(command, fmt::format("k:{}", book.events().size())));
    EXPECT_TRUE(book.recorded());
    EXPECT_EQ(op_name(book.events().back().entry.body), op_name(command.operation));
  }
}

TEST_F(Decide, AFeePlanOpensTheAccountsThatItPaysInto) {
  EXPECT_EQ(book.rows.account(*book.rows.find_account("platform:commission"))->kind, AccountKind::platform);
  EXPECT_EQ(book.rows.account(*book.rows.find_account("processor:fees"))->kind, AccountKind::fees);
  auto named = plan("named", "0.1", "0.1");
  std::get<DefineFeePlan>(named.operation).commission.to = "c";
  std::get<DefineFeePlan>(named.operation).processor_fee.to = "f";
  book.accept(named);
  EXPECT_EQ(book.rows.account(*book.rows.find_account("c"))->kind, AccountKind::platform);
  EXPECT_EQ(book.rows.account(*book.rows.find_account("f"))->kind, AccountKind::fees);
}

TEST_F(Decide, AFeePlanIsANewVersionOnlyWhereItDiffers) {
  const auto version = [&](const Command& command) {
    return std::get<PlanResult>(book.accept(command)).version;
  };
  EXPECT_EQ(version(plan("standard", "0.05", "0.03")), 1u);
  EXPECT_EQ(version(with_key(plan("standard", "0.05", "0.03"), "k")), 1u);
  EXPECT_EQ(version(plan("standard", "0.06", "0.03")), 2u);
  auto explicit_to = plan("standard", "0.06", "0.03");
  std::get<DefineFeePlan>(explicit_to.operation).commission.to = "platform:commission";
  EXPECT_EQ(version(explicit_to), 2u);  // the same account, named
  EXPECT_EQ(version(plan("standard", "0.05", "0.03")), 3u);
}

TEST_F(Decide, TheDefaultExternalAccountOpensByItself) {
  book.accept(open("yen", AccountKind::user, currency("JPY")));
  book.accept(deposit("y", "yen", 500));
  EXPECT_EQ(book.available("external:JPY"), -500);
  book.accept(withdraw("z", "yen", 200, "external:JPY"));
  EXPECT_EQ(book.available("external:JPY"), -300);
}

TEST_F(Decide, ClosingAnAccountNeedsItToBeFree) {
  book.accept(open("seller", AccountKind::beneficiary));
  book.accept(hold("s", "bob", "seller", 100));
  EXPECT_EQ(book.reject(close_account("seller")).code, ErrorCode::account_in_use);
  book.accept(refund({"s"}));
  book.accept(close_account("seller"));
  book.accept(deposit("c", "carol", 100));
  book.accept(hold("t", "carol", "shop", 100));
  EXPECT_EQ(book.reject(close_account("carol")).code, ErrorCode::account_not_empty);  // held
}

TEST_F(Decide, AnAccountOfAnOldPlanIsInUseWhileAnEscrowIsUnderIt) {
  auto first = plan("moving", "0.1", "0");
  std::get<DefineFeePlan>(first.operation).commission.to = "old:home";
  book.accept(first);
  book.accept(hold("m", "bob", "shop", 100, "", "moving"));
  book.accept(plan("moving", "0.1", "0"));
  EXPECT_EQ(book.reject(close_account("old:home")).code, ErrorCode::account_in_use);
  book.accept(refund({"m"}));
  book.accept(close_account("old:home"));
}

TEST_F(Decide, ReleaseUnderAnotherPlanStaysWithTheEscrow) {
  book.accept(plan("cheap", "0.01", "0"));
  const auto part =
      changed<Release>(release_part("r", "locked", 500), [](auto& op) { op.fee_plan = "cheap"; });
  EXPECT_EQ(totals_text(book.settle(part)), "EUR 1 of 500: 5 / 0 / 495");
  EXPECT_EQ(totals_text(book.settle(release({"locked"}))), "EUR 1 of 500: 5 / 0 / 495");
  EXPECT_EQ(totals_text(book.settle(release_under("part", "standard"))), "EUR 1 of 600: 30 / 18 / 552");
}

TEST_F(Decide, ResolveLeavesTheRestLocked) {
  book.settle(resolve("r", "frozen", 100, 200));
  EXPECT_EQ(status_of(book.escrow("frozen")), EscrowStatus::locked);
  EXPECT_EQ(book.escrow("frozen").locked().minor(), 700);
  book.accept(freeze("frozen"));
  const auto lifted = book.settle(resolve("r2", "frozen", 0, 0));
  EXPECT_TRUE(lifted.totals.empty());
  EXPECT_EQ(status_of(book.escrow("frozen")), EscrowStatus::locked);
}

TEST_F(Decide, ADateIsSetAndTakenAway) {
  book.accept(reschedule("frozen", Timestamp{5}));
  EXPECT_EQ(book.rows.dates(book.id("frozen")).release_at, Timestamp{5});
  book.accept(reschedule("frozen", Timestamp{5}));
  EXPECT_FALSE(book.recorded());
  book.accept(reschedule("frozen", std::nullopt, Timestamp{6}));
  EXPECT_EQ(book.rows.dates(book.id("frozen")).release_at, std::nullopt);
  book.accept(reschedule("frozen", std::nullopt));
  EXPECT_EQ(book.escrow("frozen").dated, 0u);
}

TEST_F(Decide, GroupsCloseAndReopen) {
  book.accept(close_group("later"));
  EXPECT_TRUE(book.has_group("later", false));
  EXPECT_EQ(book.reject(hold("l", "bob", "shop", 100, "later")).code, ErrorCode::group_closed);
  book.accept(reopen_group("later"));
  book.accept(hold("l", "bob", "shop", 100, "later"));
  EXPECT_EQ(book.rows.group(*book.rows.find_group("later"))->live, 1u);
}

}  // namespace
}  // namespace holdfast
