// What a key remembers: every field counts, and nothing but the fields.
#include "ledger/request.h"

#include <gtest/gtest.h>

#include "ledger/testing/commands.h"

namespace holdfast {
namespace {

using namespace testing;
using Fields = std::vector<std::string>;

Fields difference(const Command& a, const Command& b) {
  return differing_fields(request_of(a), request_of(b));
}

TEST(Request, EveryFieldOfEveryOperationCounts) {
  const auto rule = [](auto change) {
    return changed<DefineFeePlan>(plan("p", "0.1", "0"), [&](auto& op) { change(op.commission); });
  };
  const auto base_rule = plan("p", "0.1", "0");
  const auto base_hold = hold("k", "a", "b", 5, "g", "p");
  const auto base_release = release({"e"});
  const auto h = [&](auto change) { return changed<Hold>(base_hold, change); };
  const auto r = [&](auto change) { return changed<Release>(base_release, change); };
  struct Case {
    Command a;
    Command b;
    Fields fields;
  };
  const std::vector<Case> cases = {
      {open("a"), open("b"), {"account"}},
      {open("a"), open("a", AccountKind::fees), {"kind"}},
      {open("a"), open("a", AccountKind::user, currency("USD")), {"currency"}},
      {base_rule, plan("q", "0.1", "0"), {"fee_plan"}},
      {base_rule, plan("p", "0.1", "0.1"), {"processor_fee"}},
      {base_rule, rule([](auto& f) { f.rate = rate("0.2"); }), {"commission"}},
      {base_rule, rule([](auto& f) { f.fixed = Amount(1); }), {"commission"}},
      {base_rule, rule([](auto& f) { f.min = Amount(1); }), {"commission"}},
      {base_rule, rule([](auto& f) { f.max = Amount(0); }), {"commission"}},
      {base_rule, rule([](auto& f) { f.to = "x"; }), {"commission"}},
      {base_rule,
       changed<DefineFeePlan>(base_rule, [](auto& op) { op.rounding = Rounding::up; }),
       {"rounding"}},
      {deposit("k", "a", 1), deposit("k", "a", 2), {"amount"}},
      {deposit("k", "a", 1), deposit("k", "a", 1, "x"), {"external"}},
      {transfer("k", "a", "b", 1), transfer("k", "b", "a", 1), {"from", "to"}},
      {base_hold, h([](auto& op) { op.payer = "x"; }), {"payer"}},
      {base_hold, h([](auto& op) { op.beneficiary = "x"; }), {"beneficiary"}},
      {base_hold, h([](auto& op) { op.group = ""; }), {"group"}},
      {base_hold, h([](auto& op) { op.fee_plan = "x"; }), {"fee_plan"}},
      {base_hold, h([](auto& op) { op.release_at = Timestamp{0}; }), {"release_at"}},
      {base_hold, h([](auto& op) { op.refund_at = Timestamp{0}; }), {"refund_at"}},
      {base_release, release({"f"}), {"escrows"}},
      {release({"a", "b"}), release({"b", "a"}), {"escrows"}},
      {release({"a", "b"}), release({"ab"}), {"escrows"}},
      {release({"e1"}), release_ids({EscrowId(1)}), {"escrows"}},
      {base_release, release_group("g"), {"group", "escrows"}},
      {base_release, r([](auto& op) { op.mode = BatchMode::skip; }), {"mode"}},
      {base_release, r([](auto& op) { op.amount = Amount(5); }), {"amount"}},
      {base_release, r([](auto& op) { op.fee_plan = "p"; }), {"fee_plan"}},
      {base_release, r([](auto& op) { op.chunk = 5; }), {"chunk"}},
      {base_release, r([](auto& op) { op.close = true; }), {"close"}},
      {base_release, expecting(base_release, {}), {"expect"}},
      {expecting(base_release, {}), expecting(base_release, {paid(1, 100, 5, 3)}), {"expect"}},
      {expecting(base_release, {paid(1, 100, 5, 3)}),
       expecting(base_release, {paid(1, 100, 3, 5)}),
       {"expect"}},
      {expecting(base_release, {paid(1, 100, 5, 3)}),
       expecting(base_release, {paid(2, 100, 5, 3)}),
       {"expect"}},
      {base_release, refund({"e"}), {"op"}},
      {freeze("a"), freeze("b"), {"escrow"}},
      {resolve("k", "e", 1, 2), resolve("k", "e", 2, 1), {"to_payer", "to_beneficiary"}},
      {resolve("k", "e", 0, 0), resolve("k", "e", 0, 1), {"to_beneficiary"}},
      {close_group("g"), reopen_group("g"), {"op"}},
      {atomic({open("a")}), savepoint({open("a")}), {"on_error"}},
      {atomic({open("a"), open("b")}), atomic({open("b"), open("a")}), {"commands"}},
      {atomic({deposit("k", "a", 1)}), atomic({deposit("l", "a", 1)}), {"commands"}},
      {atomic({atomic({open("a")}), open("b")}), atomic({atomic({open("a"), open("b")})}), {"commands"}},
  };
  for (const auto& [a, b, fields] : cases) {
    SCOPED_TRACE(op_name(a.operation));
    EXPECT_EQ(difference(a, b), fields);
    EXPECT_EQ(difference(b, a), fields);
    EXPECT_EQ(difference(a, a), Fields());
  }
}

TEST(Request, OptionsThatCountAndThoseThatDoNot) {
  const auto base = open("a");
  auto other = base;
  other.options.key = "k";
  other.options.actor = "web";
  other.options.dry_run = true;
  EXPECT_EQ(difference(base, other), Fields());
  other.options.reason = "why";
  other.options.reference = "r";
  EXPECT_EQ(difference(base, other), (Fields{"reason", "reference"}));
}

TEST(Request, FieldsAreInOrderAndDefaultsAreAbsent) {
  EXPECT_EQ(request_of(release_group("g")).size(), 2u);  // op and group
  for (const auto& command :
       {hold("k", "a", "b", 5, "g", "p"), plan("p", "0.1", "0.1"), release_part("k", "e", 4),
        expecting(release_part("k", "e", 4), {paid(1, 4, 0, 0)})}) {
    const auto digests = request_of(command);
    for (std::size_t i = 1; i < digests.size(); ++i) EXPECT_LT(digests[i - 1].field, digests[i].field);
  }
}

TEST(Request, DigestsAreTheSameForEver) {
  // Keys last as long as the ledger: these numbers stand in journals.
  const auto digests = request_of(hold("k", "alice", "shop", 10'000, "campaign"));
  const std::vector<FieldDigest> expected = {{0, 0x9C340139FFA0371D},  {4, 0xA6E39A0786C37416},
                                             {8, 0x09DD220E4AA75700},  {12, 0x2385BB425710F735},
                                             {13, 0x0848B1190AA2BFCC}, {14, 0x833C93885E9EE302}};
  EXPECT_EQ(digests, expected);
}

}  // namespace
}  // namespace holdfast
