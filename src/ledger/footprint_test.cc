// What a command is said to touch, list by list. That it touches no more, every test of the core that runs a
// command through testing::Book holds (testing/guarded_rows.h).
#include "ledger/footprint.h"

#include <gtest/gtest.h>

#include "ledger/testing/commands.h"

namespace holdfast {
namespace {

using namespace testing;
using List = std::vector<std::string>;

struct Case {
  Command command;
  List accounts;
  List debited;
  List closed;
  NewIds new_ids;
};

TEST(Footprint, NamesWhoPaysWhoIsClosedAndHowManyIdsItTakes) {
  const std::string commission(kDefaultCommissionAccount);
  const std::string fees(kDefaultFeeAccount);
  const auto into_one = changed<DefineFeePlan>(plan("p", "0.1", "0.1"), [](auto& op) {
    op.commission.to = "till";
    op.processor_fee.to = "till";
  });
  const auto closing = [](const Command& command) {
    return changed<Release>(command, [](auto& op) { op.close = true; });
  };
  const std::vector<Case> cases = {
      {open("a"), {"a"}, {}, {}, {.accounts = 1}},
      {close_account("a"), {"a"}, {}, {"a"}, {}},
      {plan("p", "0.1", "0.1"), {commission, fees}, {}, {}, {.accounts = 2, .fee_plans = 1}},
      {into_one, {"till"}, {}, {}, {.accounts = 1, .fee_plans = 1}},
      {deposit("k", "a", 5), {"a"}, {}, {}, {.accounts = 1}},
      {deposit("k", "a", 5, "bank"), {"a", "bank"}, {}, {}, {}},
      {withdraw("k", "a", 5), {"a"}, {"a"}, {}, {.accounts = 1}},
      {withdraw("k", "a", 5, "bank"), {"a", "bank"}, {"a"}, {}, {}},
      {transfer("k", "b", "a", 5), {"a", "b"}, {"b"}, {}, {}},
      {hold("k", "b", "a", 5), {"a", "b"}, {"b"}, {}, {.escrows = 1}},
      {hold("k", "b", "a", 5, "g"), {"a", "b"}, {"b"}, {}, {.escrows = 1, .groups = 1}},
      {release({"e"}), {}, {}, {}, {}},
      {release_group("g"), {}, {}, {}, {}},
      {closing(release_group("g")), {}, {}, {}, {.groups = 1}},
      {changed<Refund>(refund_group("g"), [](auto& op) { op.close = true; }), {}, {}, {}, {.groups = 1}},
      {freeze("e"), {}, {}, {}, {}},
      {resolve("k", "e", 1, 2), {}, {}, {}, {}},
      {close_group("g"), {}, {}, {}, {.groups = 1}},
      {reopen_group("g"), {}, {}, {}, {}},
      {atomic({hold("1", "a", "b", 5, "g"), hold("2", "b", "a", 5, "g"), close_group("g"), close_group("h")}),
       {"a", "b"},
       {"a", "b"},
       {},
       {.escrows = 2, .groups = 2}},
      {atomic({plan("p", "0.1", "0.1"), plan("p", "0.2", "0.1")}),
       {commission, fees},
       {},
       {},
       {.accounts = 2, .fee_plans = 2}},
      {atomic({open("b"), savepoint({open("a"), deposit("1", "a", 5), deposit("2", "a", 5)}),
               close_account("b"), close_account("a")}),
       {"a", "b", "external:EUR"},
       {},
       {"a", "b"},
       {.accounts = 3}},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "case " << i << ", " << op_name(cases[i].command.operation));
    const auto named = footprint(cases[i].command);
    EXPECT_EQ(named.accounts, cases[i].accounts);
    EXPECT_EQ(named.debited, cases[i].debited);
    EXPECT_EQ(named.closed, cases[i].closed);
    EXPECT_EQ(named.new_ids.accounts, cases[i].new_ids.accounts);
    EXPECT_EQ(named.new_ids.escrows, cases[i].new_ids.escrows);
    EXPECT_EQ(named.new_ids.groups, cases[i].new_ids.groups);
    EXPECT_EQ(named.new_ids.fee_plans, cases[i].new_ids.fee_plans);
  }
}

}  // namespace
}  // namespace holdfast
