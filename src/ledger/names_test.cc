// The names that stand in commands and answers: a contract with every program that reads them.
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

#include "holdfast/answers.h"
#include "holdfast/commands.h"

namespace holdfast {
namespace {

TEST(Names, OfEveryOperation) {
  const std::vector<std::pair<Operation, std::string_view>> cases = {
      {OpenAccount{}, "open_account"},
      {CloseAccount{}, "close_account"},
      {DefineFeePlan{}, "define_fee_plan"},
      {Deposit{}, "deposit"},
      {Withdraw{}, "withdraw"},
      {Transfer{}, "transfer"},
      {Hold{}, "hold"},
      {Reschedule{}, "reschedule"},
      {Release{}, "release"},
      {Refund{}, "refund"},
      {Freeze{}, "freeze"},
      {Resolve{}, "resolve"},
      {CloseGroup{}, "close_group"},
      {ReopenGroup{}, "reopen_group"},
      {Atomic{}, "atomic"},
  };
  EXPECT_EQ(cases.size(), std::variant_size_v<Operation>);
  for (const auto& [operation, name] : cases) EXPECT_EQ(op_name(operation), name);
}

TEST(Names, OfAccountKindsReadBack) {
  const std::vector<std::pair<AccountKind, std::string_view>> cases = {
      {AccountKind::user, "user"},         {AccountKind::beneficiary, "beneficiary"},
      {AccountKind::platform, "platform"}, {AccountKind::fees, "fees"},
      {AccountKind::external, "external"},
  };
  for (const auto& [kind, name] : cases) {
    EXPECT_EQ(to_string(kind), name);
    EXPECT_EQ(parse_account_kind(name), kind);
  }
  for (const std::string_view text : {"", "User", "user ", "wallet"}) {
    EXPECT_EQ(parse_account_kind(text), std::nullopt) << text;
  }
}

TEST(Names, OfEscrowStatesReadBack) {
  const std::vector<std::pair<EscrowStatus, std::string_view>> cases = {
      {EscrowStatus::locked, "LOCKED"},     {EscrowStatus::frozen, "FROZEN"},
      {EscrowStatus::released, "RELEASED"}, {EscrowStatus::refunded, "REFUNDED"},
      {EscrowStatus::split, "SPLIT"},
  };
  for (const auto& [status, name] : cases) {
    EXPECT_EQ(to_string(status), name);
    EXPECT_EQ(parse_escrow_status(name), status);
  }
  for (const std::string_view text : {"", "locked", "LOCKED ", "OPEN"}) {
    EXPECT_EQ(parse_escrow_status(text), std::nullopt) << text;
  }
}

TEST(Names, OfBuckets) {
  EXPECT_EQ(to_string(Bucket::available), "available");
  EXPECT_EQ(to_string(Bucket::held), "held");
}

}  // namespace
}  // namespace holdfast
