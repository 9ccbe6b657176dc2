// Which accounts an event touches, and by how much: what the index keeps.
#pragma once

#include <vector>

#include "journal/touch_pages.h"
#include "ledger/event.h"
#include "ledger/postings.h"

namespace holdfast::journal {

/// One account of one event.
struct AccountChange {
  AccountId account;
  Change change;
};

/// Appends one for each account that has a posting in the event, in the order of accounts; and one, without
/// any change, for the payer of each escrow that the event did something to without a posting of the payer's:
/// so an escrow's whole history is found under its payer. \param scratch  memory that is used again
void touches_of(const Entry& entry, std::vector<Posting>& scratch, std::vector<AccountChange>& out);

}  // namespace holdfast::journal
