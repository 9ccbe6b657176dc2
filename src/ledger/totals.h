// The totals of what a batch moved: one line a currency, ordered by its code. Sums cannot overflow: all that
// one set of escrows holds is part of its currency's money in the ledger.
#pragma once

#include <vector>

#include "ledger/event.h"

namespace holdfast {

/// Adds one line to those that are there already.
void add_total(const Total& total, std::vector<Total>& into);
/// Adds every item of the event.
void add_totals(const Released& released, std::vector<Total>& into);
void add_totals(const Refunded& refunded, std::vector<Total>& into);

}  // namespace holdfast
