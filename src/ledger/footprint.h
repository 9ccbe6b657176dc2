// Every row that a command, a whole atomic too, can touch, named before anything is loaded.
//
// A store locks escrows, then accounts, in id order, once. What an escrow names (its payer, beneficiary,
// group, plan and the accounts the plan pays) belongs to the footprint of the escrow and is not repeated
// here.
#pragma once

#include <string>
#include <vector>

#include "holdfast/commands.h"

namespace holdfast {

/// Each list is sorted and without repeats.
struct Footprint {
  std::vector<std::string> accounts;  // by name
  std::vector<EscrowId> escrows;
  std::vector<std::string> escrow_keys;    // escrows named by the key they were held under
  std::vector<std::string> groups;         // the group's own row (a hold, a close, a release of the group)
  std::vector<std::string> group_members;  // groups whose escrows are touched
  std::vector<std::string> fee_plans;      // latest versions; those a command defines too
  std::vector<std::string> keys;           // looked up, and taken
  std::vector<Currency> currency_totals;   // read by deposits
};

[[nodiscard]] Footprint footprint(const Command& command);

}  // namespace holdfast
