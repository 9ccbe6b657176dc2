// Sealing: committed events get their seq, their place in the chain and their lines of statements, in groups.
//
// A number given inside each transaction would make all commits wait for each other. So an event has an id,
// drawn after its transaction's last lock and read, and is numbered when it is committed, in the order of
// ids. That order is a true one: an event that saw what another did drew its id after that one was committed,
// so it is sealed after it.
#pragma once

#include "base/hash.h"
#include "ledger/event.h"
#include "postgres/lines.h"
#include "postgres/pipeline.h"
#include "postgres/transaction.h"

namespace holdfast::postgres {

struct Sealed {
  std::uint64_t events = 0;  // 0: none was left
  bool other_seals = false;  // another session is sealing this ledger: nothing was done
};

/// What one who seals again and again knows from his rounds before: up to which event's id everything is
/// sealed, since he would else look at all that he deleted, until it is vacuumed; and balances.
struct SealedThrough {
  std::int64_t id = 0;
  Digest head{};  // of the chain when that was known: where it is another one, another sealed, or it is
                  // another server
  // Whoever drew an id up to `next` has a transaction's number below `others`, once that is known: after
  // those have ended nothing up to `next` comes any more.
  std::int64_t next = 0;
  std::int64_t others = 0;
  LastBalances balances;
};

/// One round, in a transaction of its own. The session must be in none.
[[nodiscard]] std::expected<Sealed, SqlError> seal(Session& session, const LedgerRef& ledger,
                                                   SealedThrough& through);
[[nodiscard]] inline std::expected<Sealed, SqlError> seal(Session& session, const LedgerRef& ledger) {
  SealedThrough through;
  return seal(session, ledger, through);
}

/// A sealed event as it stands in the chain.
struct SealedEvent {
  Seq seq;
  Digest hash{};
  Bytes bytes;  // canonical, for decode_event
};

/// Those with seq > after, oldest first, at most `limit`, and fewer where they are large; none only where
/// there are none.
[[nodiscard]] std::expected<std::vector<SealedEvent>, SqlError> sealed_events(Session& session,
                                                                              const LedgerRef& ledger,
                                                                              Seq after, std::size_t limit);

}  // namespace holdfast::postgres
