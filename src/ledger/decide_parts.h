// One function an operation: what `decide` is made of. Each sets `into`, or says why not.
#pragma once

#include "ledger/decide.h"
#include "ledger/workspace.h"

namespace holdfast {

/// The index of an operation in `Operation`, as Unchanged keeps it.
template <class Op>
constexpr std::uint8_t op_index() {
  return static_cast<std::uint8_t>(Operation(Op{}).index());
}

// decide_accounts.cc
[[nodiscard]] Result<void> decide_open_account(const OpenAccount& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_close_account(const CloseAccount& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_fee_plan(const DefineFeePlan& op, const Rows& rows, Body& into);

// decide_moves.cc
[[nodiscard]] Result<void> decide_deposit(const Deposit& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_withdraw(const Withdraw& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_transfer(const Transfer& op, const Rows& rows, Body& into);

// decide_hold.cc
[[nodiscard]] Result<void> decide_hold(const Hold& op, const Rows& rows, Body& into);

// decide_escrow.cc
[[nodiscard]] Result<void> decide_reschedule(const Reschedule& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_freeze(const Freeze& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_resolve(const Resolve& op, const Rows& rows, Body& into);

// decide_groups.cc
[[nodiscard]] Result<void> decide_close_group(const CloseGroup& op, const Rows& rows, Body& into);
[[nodiscard]] Result<void> decide_reopen_group(const ReopenGroup& op, const Rows& rows, Body& into);

// decide_release.cc, decide_refund.cc
[[nodiscard]] Result<void> decide_release(const Release& op, const Rows& rows, const ChunkProgress* resume,
                                          DecideMemory& memory, Body& into);
[[nodiscard]] Result<void> decide_refund(const Refund& op, const Rows& rows, const ChunkProgress* resume,
                                         DecideMemory& memory, Body& into);

// Rows that more than one of them looks up.

struct FoundAccount {
  AccountId id;
  const AccountRow* row = nullptr;
};
/// Open, or `account_not_found` or `account_closed`.
[[nodiscard]] Result<FoundAccount> find_open_account(const Rows& rows, std::string_view name);
/// `insufficient_funds` where less than `amount` is available.
[[nodiscard]] Result<void> check_funds(std::string_view name, const AccountRow& row, Amount amount);

struct FoundEscrow {
  EscrowId id;
  const EscrowRow* row = nullptr;
};
/// Or `escrow_not_found`.
[[nodiscard]] Result<FoundEscrow> find_escrow(const Rows& rows, const EscrowRef& ref);
/// As the caller named it: `17`, `pledge:8812`.
[[nodiscard]] std::string name_of(const EscrowRef& ref);

}  // namespace holdfast
