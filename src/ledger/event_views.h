// Events and fee plans as people read them: from numbers to names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "holdfast/queries.h"
#include "ledger/event.h"
#include "ledger/rows.h"

namespace holdfast {

/// Looks up what events give only as numbers. May be called from any thread; account numbers of durable
/// events are all known.
struct Names {
  std::function<std::string(AccountId)> account;
  std::function<std::string(GroupId)> group;
  std::function<FeePlanView(PlanId)> plan;
};

[[nodiscard]] FeePlanView view_of(const PlanRow& plan);

/// \param hash  the chain's hash at this event
[[nodiscard]] EventView view_of(const Event& event, const Digest& hash, const Names& names);

/// Appends a line for each thing that the event did to the escrow, in order. A resolve that pays both sides
/// gives two: what went back to the payer, then what was released.
void append_history(const Event& event, EscrowId escrow, const Names& names,
                    std::vector<EscrowHistoryLine>& out);

}  // namespace holdfast
