// Events of another ledger, added to one in PostgreSQL as they are: with their numbers, times and hashes.
//
// Nothing is decided here, and each event is sealed as it comes in. A batch is one transaction under the
// sealer's lock, so that a copy which was cut off is a ledger, and a beginning of the other one.
#pragma once

#include <span>

#include "base/hash.h"
#include "ledger/event.h"
#include "postgres/pipeline.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

/// An event with the bytes that its hash is made from.
struct SourceEvent {
  Event event;
  Bytes bytes;  // canonical
  Digest hash{};
};

/// Adds events that follow the ledger's last one, at most a few thousand. The session must be in no
/// transaction, and its role must own the ledger's sequences. An error of code `busy` says that somebody else
/// wrote to the ledger.
/// \pre events is not empty; they are in order and verified
/// \param head  the hash of the event before the first
[[nodiscard]] Result<void> import_events(Session& session, const LedgerRef& ledger, const Digest& head,
                                         std::span<const SourceEvent> events);

}  // namespace holdfast::postgres
