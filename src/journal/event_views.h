// Events as people read them: from numbers to names.
#pragma once

#include <vector>

#include "base/hash.h"
#include "journal/history.h"

namespace holdfast::journal {

/// \param hash  the chain's hash at this event
[[nodiscard]] EventView view_of(const Event& event, const Digest& hash, const Names& names);

/// Appends a line for each thing that the event did to the escrow, in order. A resolve that pays both sides
/// gives two: what went back to the payer, then what was released.
void append_history(const Event& event, EscrowId escrow, const Names& names,
                    std::vector<EscrowHistoryLine>& out);

}  // namespace holdfast::journal
