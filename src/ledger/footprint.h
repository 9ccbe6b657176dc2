// Every row that a command, a whole atomic too, can touch, named before anything is loaded.
//
// A store locks escrows, then accounts, in id order, once. What an escrow names (its payer, beneficiary,
// group, plan and the accounts the plan pays) belongs to the footprint of the escrow and is not repeated
// here. Neither is what an account named in `external_of` or `totals_of` leads to by its currency.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "holdfast/commands.h"

namespace holdfast {

/// The ids that a command can use up, at most, where a savepoint that is rolled back gives its ids back.
/// Names of the footprint that are there already need none: a store that has looked may draw fewer.
struct NewIds {
  std::size_t accounts = 0;  // opened by themselves too: fee accounts, `external:<CODE>`
  std::size_t escrows = 0;   // one a hold
  std::size_t groups = 0;
  std::size_t fee_plans = 0;
};

/// Each list is sorted and without repeats.
struct Footprint {
  std::vector<std::string> accounts;  // by name
  std::vector<std::string> debited;   // of `accounts`: those whose balance must cover what is taken
  std::vector<std::string> closed;    // of `accounts`: those to be closed
  std::vector<EscrowId> escrows;
  std::vector<std::string> escrow_keys;    // escrows named by the key they were held under
  std::vector<std::string> groups;         // the group's own row (a hold, a close, a release of the group)
  std::vector<std::string> group_members;  // groups whose escrows are touched
  std::vector<std::string> fee_plans;      // latest versions; those a command defines too
  std::vector<std::string> keys;           // looked up, and taken
  // Deposits and withdrawals: their currency is that of the account, which only the store knows.
  std::vector<std::string> external_of;   // accounts whose currency's own `external:<CODE>` is touched too
  std::vector<std::string> totals_of;     // accounts whose currency's total is read
  std::vector<Currency> currency_totals;  // read by deposits into accounts that the command itself may open

  NewIds new_ids;
};

[[nodiscard]] Footprint footprint(const Command& command);
/// Of commands that are decided one after another on the same rows.
[[nodiscard]] Footprint footprint(std::span<const Command* const> commands);

/// `external:EUR`: where deposits of a currency come from and withdrawals go, where none is named.
[[nodiscard]] std::string default_external(Currency currency);
/// Where fees go that name no account.
inline constexpr std::string_view kDefaultCommissionAccount = "platform:commission";
inline constexpr std::string_view kDefaultFeeAccount = "processor:fees";

}  // namespace holdfast
